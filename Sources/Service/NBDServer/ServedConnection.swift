import Synchronization

/// A connection that a caller may wait for.
package final class ServedConnection: Sendable {
    private struct State {
        var end: ConnectionEnd?
        var waiting: [CheckedContinuation<ConnectionEnd, Never>] = []
    }
    private let state = Mutex(State())

    init() {}

    /// `nil` while the connection lives.
    package var end: ConnectionEnd? { state.withLock { $0.end } }

    /// Returns once the connection is over and its descriptor closed.
    package func ended() async -> ConnectionEnd {
        await withCheckedContinuation { continuation in
            let end = state.withLock { state in
                if state.end == nil { state.waiting.append(continuation) }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
    }

    func finish(_ end: ConnectionEnd) {
        let waiting = state.withLock { state in
            state.end = end
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: end) }
    }
}
