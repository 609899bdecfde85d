import Synchronization
package import VirtualMedia

/// Starts tasks on the simulation's executor, and knows by name which of them have not ended.
package final class SimulatedSpawner: Spawner {
    private struct Live {
        var name: String
        var task: Task<Void, Never>?
    }

    private let executor: SimulatedExecutor
    /// By number of start; numbers grow, so sorted keys are the order of starting.
    private let live = Mutex<(next: Int, tasks: [Int: Live])>((0, [:]))

    package init(_ executor: SimulatedExecutor) { self.executor = executor }

    @discardableResult
    package func spawn(
        _ name: String, _ placement: TaskPlacement = .shared, _ body: @escaping @Sendable () async -> Void
    ) -> (any SpawnedTask) {
        let number = live.withLock { live in
            live.next += 1
            live.tasks[live.next] = Live(name: name, task: nil)
            return live.next
        }
        executor.note("start \(name)")
        let task = Task(name: name, executorPreference: executor) { [self] in
            await body()
            executor.note("end \(name)")
            live.withLock { _ = $0.tasks.removeValue(forKey: number) }
        }
        live.withLock { $0.tasks[number]?.task = task }
        return Running(task: task)
    }

    /// Names of the tasks that have not ended, in the order they were started.
    package var unfinished: [String] {
        live.withLock { live in live.tasks.sorted { $0.key < $1.key }.map(\.value.name) }
    }

    func cancelAll() {
        let tasks = live.withLock { live in live.tasks.sorted { $0.key < $1.key }.compactMap(\.value.task) }
        for task in tasks { task.cancel() }
    }

    private struct Running: SpawnedTask, Sendable {
        let task: Task<Void, Never>
        func cancel() { task.cancel() }
        func finished() async { await task.value }
    }
}
