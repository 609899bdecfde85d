import CFuse
import FaultyFiles
import Synchronization

/// Tells an operation that waits that the kernel gave up on it. libfuse may call at any moment until it is
/// told not to, even before the wait begins, and holds a lock of the request then: so this only passes on.
final class InterruptRelay: Sendable {
    private struct State {
        var isInterrupted = false
        var waiting: Waiting?
    }
    private let state = Mutex(State())

    /// Begins to listen; keeps a reference to itself until ``end(_:)``.
    func begin(_ request: FuseRequest) {
        fuse_req_interrupt_func(
            request.pointer,
            { _, relay in Unmanaged<InterruptRelay>.fromOpaque(relay!).takeUnretainedValue().interrupt() },
            Unmanaged.passRetained(self).toOpaque())
    }

    func relay(to waiting: Waiting?) {
        let isInterrupted = state.withLock { state in
            state.waiting = waiting
            return state.isInterrupted
        }
        if isInterrupted { waiting?.interrupt() }
    }

    private func interrupt() {
        state.withLock { state in
            state.isInterrupted = true
            return state.waiting
        }?.interrupt()
    }

    /// To be called before the answer; waits for a call of libfuse that is going on.
    func end(_ request: FuseRequest) {
        fuse_req_interrupt_func(request.pointer, nil, nil)
        Unmanaged.passUnretained(self).release()
        state.withLock { $0.waiting = nil }
    }
}
