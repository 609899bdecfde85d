import FaultPoints
import RemoteImages
import Synchronization
import VirtualMedia

/// Until when a client waits, and what it says then.
struct Patience {
    var deadline: Duration
    var fault: TransferFault
    /// How much later than the server's clock the client's impatience is felt: half a round trip.
    var shift = Duration.zero

    func orEarlier(_ deadline: Duration, _ fault: TransferFault) -> Patience {
        deadline < self.deadline ? Patience(deadline: deadline, fault: fault, shift: shift) : self
    }
}

/// Waits on a virtual clock that end in time, or with the end of the task.
struct BoundedWait: Sendable {
    let clock: any MediaClock
    let spawner: any Spawner
    /// Released when the other side goes away, which ends a wait for it.
    var peerEnd: FaultHold?

    func sleep(until time: Duration, _ patience: Patience) async throws(TransferFault) {
        guard time <= patience.deadline else { throw try await expiry(of: patience) }
        try await sleep(until: time)
    }

    func sleep(until time: Duration) async throws(TransferFault) {
        do { try await clock.sleep(until: time) } catch { throw .cancelled }
    }

    /// Waits for what never comes.
    func forever(_ patience: Patience) async throws(TransferFault) -> Never {
        try await released(FaultHold(), patience)
        preconditionFailure("a hold that nobody has was released")
    }

    private func expiry(of patience: Patience) async throws(TransferFault) -> TransferFault {
        try await sleep(until: patience.deadline + patience.shift)
        return patience.fault
    }

    /// - Returns: whether that is all the action asks for.
    func pause(_ action: FaultAction, _ patience: Patience) async throws(TransferFault) -> Bool {
        switch action {
        case .delay(let time): try await sleep(until: clock.now + time, patience)
        case .hold(let hold): try await released(hold, patience)
        default: return false
        }
        return true
    }

    func released(_ hold: FaultHold, _ patience: Patience) async throws(TransferFault) {
        guard !hold.isReleased else { return }
        let gate = Gate()
        hold.whenReleased { gate.open(.released) }
        peerEnd?.whenReleased { gate.open(.peerEnded) }
        let deadline = patience.deadline
        let timer = spawner.spawn("https patience", .shared) {
            if (try? await clock.sleep(until: deadline)) != nil { gate.open(.timeUp) }
        }
        let opening = await withTaskCancellationHandler {
            await gate.opening()
        } onCancel: {
            gate.open(.cancelled)
        }
        timer.cancel()
        await timer.finished()
        switch opening {
        case .released: return
        case .cancelled: throw .cancelled
        case .peerEnded: throw .connectionEnded
        case .timeUp: throw try await expiry(of: patience)
        }
    }

    /// Opens once, for the first reason that comes.
    private final class Gate: Sendable {
        enum Opening { case released, timeUp, cancelled, peerEnded }
        private let state = Mutex<(opening: Opening?, waiting: CheckedContinuation<Opening, Never>?)>(
            (nil, nil))

        func open(_ opening: Opening) {
            let waiting = state.withLock { state -> CheckedContinuation<Opening, Never>? in
                guard state.opening == nil else { return nil }
                state.opening = opening
                return state.waiting.take()
            }
            waiting?.resume(returning: opening)
        }

        func opening() async -> Opening {
            await withCheckedContinuation { continuation in
                let opening = state.withLock { state in
                    if state.opening == nil { state.waiting = continuation }
                    return state.opening
                }
                if let opening { continuation.resume(returning: opening) }
            }
        }
    }
}
