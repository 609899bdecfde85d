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
            let executor = ThreadExecutor(name: name, mayBlock: true)
            let task = Task(name: name, executorPreference: executor) { await body() }
            // The stopper waits elsewhere, so that the thread's last job is the body's own.
            Task {
                await task.value
                executor.stop()
            }
            return RunningTask(task: task)
        }
    }

    private struct RunningTask: SpawnedTask {
        let task: Task<Void, Never>
        func cancel() { task.cancel() }
        func finished() async { await task.value }
    }
}
