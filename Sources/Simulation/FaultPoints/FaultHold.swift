import Synchronization

/// Holds operations until somebody releases them: a stall with an open end.
package final class FaultHold: Sendable {
    private struct State {
        var isReleased = false
        var waiting: [@Sendable () -> Void] = []
    }
    private let state = Mutex(State())

    package init() {}

    package var isReleased: Bool { state.withLock { $0.isReleased } }

    /// Calls `action` once the hold is released, in the order of these calls; at once if it was.
    package func whenReleased(_ action: @escaping @Sendable () -> Void) {
        let isReleased = state.withLock { state in
            if !state.isReleased { state.waiting.append(action) }
            return state.isReleased
        }
        if isReleased { action() }
    }

    /// Returns once the hold is released.
    package func released() async {
        await withCheckedContinuation { continuation in whenReleased { continuation.resume() } }
    }

    /// Harmless when repeated.
    package func release() {
        let waiting = state.withLock { state in
            state.isReleased = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for action in waiting { action() }
    }
}

extension FaultHold: Equatable {
    package static func == (left: FaultHold, right: FaultHold) -> Bool { left === right }
}
