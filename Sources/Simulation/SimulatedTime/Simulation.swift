import CEscapeSensors
import Synchronization

/// One run in virtual time: an executor, a clock, spawners and random streams under one seed.
///
///     let answer = try Simulation(seed: 7).run { simulation in
///         try await simulation.clock.sleep(for: .seconds(3600))
///         return 42
///     }
package final class Simulation: Sendable {
    /// What a run may use before it counts as stuck.
    package struct Limits: Sendable {
        /// Jobs run.
        package var steps = 5_000_000
        /// Virtual time.
        package var time = Duration.seconds(7 * 86_400)
        package init() {}
        package init(steps: Int = 5_000_000, time: Duration = .seconds(7 * 86_400)) {
            self.steps = steps
            self.time = time
        }
    }

    package let executor: SimulatedExecutor
    package let clock: SimulatedClock
    /// Starts tasks of the world, which no death of a process touches.
    package let spawner: SimulatedSpawner
    package let random: RandomStreams
    package let schedule: Schedule
    private let limits: Limits
    private let tasks = TaskRegistry()
    private let processes: Mutex<[SimulatedProcess]>

    package convenience init(
        seed: UInt64, schedule: Schedule = .firstInFirstOut, limits: Limits = Limits()
    ) {
        self.init(seed: seed, schedule: schedule, limits: limits, branchLimit: 0)
    }

    /// - Parameter isOrderDrawn: ``Schedule/random`` instead of first in, first out.
    package convenience init(seed: UInt64, isOrderDrawn: Bool, limits: Limits = Limits()) {
        self.init(seed: seed, schedule: isOrderDrawn ? .random : .firstInFirstOut, limits: limits)
    }

    init(seed: UInt64, schedule: Schedule, limits: Limits, branchLimit: Int) {
        escape_sensors_install()
        random = RandomStreams(seed: seed)
        self.schedule = schedule
        executor = SimulatedExecutor(
            scheduler: Scheduler(schedule, random: random, branchLimit: branchLimit))
        clock = SimulatedClock(executor)
        let world = SimulatedProcess("world", executor: executor, tasks: tasks)
        processes = Mutex([world])
        spawner = world.spawner
        self.limits = limits
    }

    /// A new process, alive and with nothing to do.
    package func process(_ name: String) -> SimulatedProcess {
        let process = SimulatedProcess(name, executor: executor, tasks: tasks)
        processes.withLock { $0.append(process) }
        executor.note("process \(name)")
        return process
    }

    /// Runs `body` to its end on the calling thread, then cancels what it left running and lets it
    /// wind up.
    ///
    /// - Throws: what `body` throws, or a ``SimulationFailure``.
    package func run<Result: Sendable>(
        _ body: @escaping @Sendable (Simulation) async throws -> Result
    ) throws -> Result {
        let outcome = Outcome<Result>()
        let outer = executor.adoptThread()
        defer { executor.releaseThread(to: outer) }
        try withExtendedLifetime(self) {
            spawner.spawn("main") { [self] in
                do {
                    outcome.settle(.success(try await body(self)))
                } catch { outcome.settle(.failure(error)) }
            }
            defer { windUp() }
            try takeSteps { outcome.isSettled }
        }
        guard executor.foreignEnqueues == 0 else {
            throw SimulationFailure.escaped(foreignEnqueues: executor.foreignEnqueues)
        }
        guard let result = outcome.result else { preconditionFailure("no outcome") }
        return try result.get()
    }

    private func takeSteps(until isOver: () -> Bool) throws(SimulationFailure) {
        let timeLimit = limits.time.attoseconds
        while !isOver() {
            guard executor.steps < limits.steps else {
                throw .outOfSteps(executor.steps, at: executor.now, waiting: tasks.names)
            }
            switch executor.advance(timeLimit: timeLimit) {
            case .ranJob, .movedTime: continue
            case .outOfTime: throw .outOfTime(limits.time, waiting: tasks.names)
            case .nothingToDo: throw .deadlock(at: executor.now, waiting: tasks.names)
            }
        }
    }

    /// Cancelled sleepers wake at once, so time need not move; a task that ignores its cancellation
    /// stays in ``SimulatedSpawner/unfinished``.
    private func windUp() {
        executor.closeSchedule()
        let limit = executor.steps + Self.windUpSteps
        for task in tasks.tasks { task.cancel() }
        while executor.steps < limit, case .ranJob = executor.advance(timeLimit: nil) {}
        tasks.release()
    }

    /// Jobs that cancelled tasks may still run once the body has ended.
    private static let windUpSteps = 100_000
}

/// What the body of a run came to.
private final class Outcome<Value: Sendable>: Sendable {
    private let settled = Atomic(false)
    private let stored = Mutex<Result<Value, any Error>?>(nil)

    func settle(_ result: Result<Value, any Error>) {
        stored.withLock { $0 = result }
        settled.store(true, ordering: .releasing)
    }

    var isSettled: Bool { settled.load(ordering: .acquiring) }
    var result: Result<Value, any Error>? { stored.withLock { $0 } }
}
