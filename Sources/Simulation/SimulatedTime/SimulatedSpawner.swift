package import VirtualMedia

/// Starts tasks in a process of the simulation; which of them have not ended is known by name.
package struct SimulatedSpawner: Spawner {
    private let process: SimulatedProcess
    private let executor: SimulatedExecutor
    private let tasks: TaskRegistry

    init(_ process: SimulatedProcess, executor: SimulatedExecutor, tasks: TaskRegistry) {
        self.process = process
        self.executor = executor
        self.tasks = tasks
    }

    @discardableResult
    package func spawn(
        _ name: String, _ placement: TaskPlacement = .shared, _ body: @escaping @Sendable () async -> Void
    ) -> (any SpawnedTask) {
        let fullName = process.number == SimulatedProcess.world ? name : "\(process.name)/\(name)"
        let entry = SpawnedEntry(name: fullName, process: process.number)
        let number = tasks.start(entry)
        executor.note("start \(fullName)")
        let task = Task(name: fullName, executorPreference: process) { [executor, tasks] in
            executor.nameRunningTask(fullName)
            await SpawnedEntry.$current.withValue(entry, operation: body)
            executor.note("end \(fullName)")
            executor.forgetRunningTask()
            tasks.end(number)
        }
        tasks.attach(task, to: number)
        return Running(task: task, process: process)
    }

    /// Names of the tasks of the whole simulation that have not ended, in the order they were started.
    package var unfinished: [String] { tasks.names }

    private struct Running: SpawnedTask, Sendable {
        let task: Task<Void, Never>
        let process: SimulatedProcess
        /// Nothing of a dead process happens any more, its cancellation neither.
        func cancel() { if process.isAlive { task.cancel() } }
        func finished() async { await task.value }
    }
}
