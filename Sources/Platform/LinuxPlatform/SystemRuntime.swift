import Threads
package import VirtualMedia

/// CLOCK_MONOTONIC, as time since the machine started.
package struct SystemClock: MediaClock {
    package init() {}

    package var now: Duration {
        Monotonic.now
    }

    package func sleep(until deadline: Duration) async throws(CancellationError) {
        let remaining = deadline - now
        guard remaining > .zero else { return }
        do { try await Task.sleep(for: remaining) } catch { throw CancellationError() }
    }
}

/// Starts real tasks: on a shared executor, or each on a thread of its own.
package struct SystemSpawner: Spawner {
    private let shared: ThreadExecutor?

    /// - Parameter shared: Where ``TaskPlacement/shared`` tasks run; `nil` is Swift's own pool.
    package init(shared: ThreadExecutor? = nil) { self.shared = shared }

    @discardableResult
    package func spawn(
        _ name: String, _ placement: TaskPlacement, _ body: @escaping @Sendable () async -> Void
    ) -> any SpawnedTask {
        switch placement {
        case .shared:
            return RunningTask(task: Task(name: name, executorPreference: shared) { await body() })
        case .ownThread:
            return start(name, on: ThreadExecutor(name: name, mayBlock: true), body)
        }
    }

    package func spawnIfPossible(
        _ name: String, _ placement: TaskPlacement, _ body: @escaping @Sendable () async -> Void
    ) -> (any SpawnedTask)? {
        guard case .ownThread = placement else { return spawn(name, placement, body) }
        return ThreadExecutor(ifPossible: name, mayBlock: true).map { start(name, on: $0, body) }
    }

    private func start(
        _ name: String, on executor: ThreadExecutor, _ body: @escaping @Sendable () async -> Void
    ) -> RunningTask {
        let task = Task(name: name, executorPreference: executor) { await body() }
        // The stopper waits elsewhere, so that the thread's last job is the body's own.
        Task {
            await task.value
            executor.stop()
        }
        return RunningTask(task: task)
    }

    private struct RunningTask: SpawnedTask {
        let task: Task<Void, Never>
        func cancel() { task.cancel() }
        func finished() async { await task.value }
    }
}
