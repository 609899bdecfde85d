import Synchronization
import VirtualMedia

/// The channel that a link is joined with, once it is known; `nil` when there will be none.
final class Partner: Sendable {
    private enum State {
        case open([CheckedContinuation<(any ByteChannel)?, Never>])
        case settled((any ByteChannel)?)
    }
    private let state = Mutex(State.open([]))

    /// The first word counts.
    func settle(_ channel: (any ByteChannel)?) {
        let waiters = state.withLock { state -> [CheckedContinuation<(any ByteChannel)?, Never>] in
            guard case .open(let waiters) = state else { return [] }
            state = .settled(channel)
            return waiters
        }
        for waiter in waiters { waiter.resume(returning: channel) }
    }

    func value() async -> (any ByteChannel)? {
        await withCheckedContinuation { continuation in
            let settled = state.withLock { state -> (any ByteChannel)?? in
                switch state {
                case .open(let waiters):
                    state = .open(waiters + [continuation])
                    return nil
                case .settled(let channel): return .some(channel)
                }
            }
            if let settled { continuation.resume(returning: settled) }
        }
    }
}
