internal import Synchronization

/// Requests that are being answered, each by a task on an event loop: the loops are needed until the last one has
/// ended.
final class RunningWork: Sendable {
    private struct State {
        var count = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func begin(on executor: LoopExecutor, _ body: @escaping @Sendable () async -> Void) -> Task<
        Void, Never
    > {
        state.withLock { $0.count += 1 }
        return Task(executorPreference: executor) {
            await body()
            self.ended()
        }
    }

    private func ended() {
        let waiters = state.withLock { state in
            state.count -= 1
            guard state.count == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns once there is none.
    func finished() async {
        await withCheckedContinuation { waiter in
            let isIdle = state.withLock { state in
                if state.count > 0 { state.waiters.append(waiter) }
                return state.count == 0
            }
            if isIdle { waiter.resume() }
        }
    }
}
