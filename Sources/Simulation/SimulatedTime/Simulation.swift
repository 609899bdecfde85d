import CSwiftRuntime
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
        /// Jobs that the tasks of killed processes may run after the run, to end and free their memory. What
        /// they do then is not part of the run: no hash, no count, no escape. 0 leaves them as they are.
        package var reapingSteps = 100_000
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
    private let endings = Mutex<[@Sendable () -> Void]>([])

    package convenience init(
        seed: UInt64, schedule: Schedule = .firstInFirstOut, limits: Limits = Limits()
    ) {
        self.init(seed: seed, schedule: schedule, limits: limits, isTraced: false)
    }

    /// - Parameter isOrderDrawn: ``Schedule/random`` instead of first in, first out.
    package convenience init(seed: UInt64, isOrderDrawn: Bool, limits: Limits = Limits()) {
        self.init(seed: seed, schedule: isOrderDrawn ? .random : .firstInFirstOut, limits: limits)
    }

    /// - Parameters:
    ///   - isTraced: Keeps which task took each step.
    ///   - branchLimit: Decisions for which the number of ready jobs is kept.
    init(seed: UInt64, schedule: Schedule, limits: Limits, isTraced: Bool, branchLimit: Int = 0) {
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
        if isTraced { executor.startTracing() }
    }

    /// A new process, alive and with nothing to do.
    package func process(_ name: String) -> SimulatedProcess {
        let process = SimulatedProcess(name, executor: executor, tasks: tasks)
        processes.withLock { $0.append(process) }
        executor.note("process \(name)")
        return process
    }

    /// Calls `body` when the run is over, before the tasks of killed processes are ended: a record that is not
    /// to show those closes itself here.
    package func atEnd(_ body: @escaping @Sendable () -> Void) { endings.withLock { $0.append(body) } }

    /// Runs `body` to its end on the calling thread, then cancels what it left running and lets it
    /// wind up.
    ///
    /// - Throws: what `body` throws, or a ``SimulationFailure``.
    package func run<Result: Sendable>(
        _ body: @escaping @Sendable (Simulation) async throws -> Result
    ) throws -> Result {
        let outcome = Outcome<Result>()
        let outer = executor.adoptThread()
        let stop = withExtendedLifetime(self) {
            spawner.spawn("main") { [self] in
                do {
                    outcome.settle(.success(try await body(self)))
                } catch { outcome.settle(.failure(error)) }
            }
            let stop = takeSteps { outcome.isSettled }
            windUp()
            return stop
        }
        executor.takeReadings()
        var escapes = executor.escapes
        for ending in endings.withLock({ $0 }) { ending() }
        withExtendedLifetime(self) { reap() }
        executor.releaseThread(to: outer)
        let result: Swift.Result<Result, any Error>
        if let stop {
            result = .failure(stop)
        } else if let settled = outcome.result {
            result = settled
        } else {
            preconditionFailure("a run that is over has an outcome")
        }
        if escapes.count > 0 {
            if case .failure(let error) = result { escapes.outcome = "\(error)" }
            throw SimulationFailure.escaped(escapes)
        }
        return try result.get()
    }

    /// - Returns: why the steps ended before the run was over, if they did.
    private func takeSteps(until isOver: () -> Bool) -> SimulationFailure? {
        let stop = executor.drive(
            stepLimit: limits.steps, timeLimit: limits.time.attoseconds, until: isOver)
        let (now, running, waiting) = (executor.now, executor.recentTasks, tasks.waiting)
        return switch stop {
        case .isOver: nil
        case .outOfSteps: .outOfSteps(executor.steps, at: now, running: running, waiting: waiting)
        case .outOfTime: .outOfTime(limits.time, running: running, waiting: waiting)
        case .nothingToDo: .deadlock(at: now, waiting: waiting)
        }
    }

    /// Cancelled sleepers wake at once, so time need not move; a task that ignores its cancellation
    /// stays in ``SimulatedSpawner/unfinished``.
    private func windUp() {
        executor.closeSchedule()
        for process in processes.withLock({ $0 }) where process.isPaused { process.resume() }
        cancelAll(steps: Self.windUpSteps)
        tasks.release()
    }

    /// Lets the tasks of killed processes end, cancelled, now that nothing they do matters: else each kill
    /// would cost their memory for good.
    private func reap() {
        let dead = processes.withLock { $0 }.filter { !$0.isAlive }
        guard limits.reapingSteps > 0, !dead.isEmpty else { return }
        executor.asideFromTheRun {
            for process in dead { process.revive() }
            cancelAll(steps: limits.reapingSteps)
            tasks.release()
        }
    }

    /// Cancels every task and lets them end; and those that they start on the way.
    private func cancelAll(steps: Int) {
        let limit = executor.steps + steps
        var cancelled = -1
        while cancelled != tasks.startedCount, executor.steps < limit {
            cancelled = tasks.startedCount
            for task in tasks.tasks { task.cancel() }
            _ = executor.drive(stepLimit: limit, timeLimit: nil) { false }
        }
    }

    /// Says what the running task waits for while `body` runs, for the report of a deadlock.
    package static func waiting<Result>(
        for reason: @autoclosure () -> String, _ body: () async throws -> Result
    ) async rethrows -> Result {
        guard let entry = SpawnedEntry.current else { return try await body() }
        let number = entry.beginWait(for: reason())
        defer { entry.endWait(number) }
        return try await body()
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
