import Synchronization

/// One run in virtual time: an executor, a clock, a spawner and random streams under one seed.
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
    package let spawner: SimulatedSpawner
    package let random: RandomStreams
    private let limits: Limits

    /// - Parameter isOrderDrawn: Draws the next ready job from the stream "schedule" instead of
    ///   taking the oldest.
    package init(seed: UInt64, isOrderDrawn: Bool = false, limits: Limits = Limits()) {
        random = RandomStreams(seed: seed)
        executor = SimulatedExecutor(
            order: isOrderDrawn ? .drawn(random.stream("schedule")) : .firstInFirstOut)
        clock = SimulatedClock(executor)
        spawner = SimulatedSpawner(executor)
        self.limits = limits
    }

    /// Runs `body` to its end on the calling thread, then cancels what it left running and lets it
    /// wind up.
    ///
    /// - Throws: what `body` throws, or a ``SimulationFailure``.
    package func run<Result: Sendable>(
        _ body: @escaping @Sendable (Simulation) async throws -> Result
    ) throws -> Result {
        let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
        executor.adoptThread()
        defer { executor.releaseThread() }
        try withExtendedLifetime(self) {
            spawner.spawn("main") { [self] in
                do {
                    let result = try await body(self)
                    outcome.withLock { $0 = .success(result) }
                } catch { outcome.withLock { $0 = .failure(error) } }
            }
            defer { windUp() }
            while outcome.withLock({ $0 == nil }) { try takeStep() }
        }
        guard executor.foreignEnqueues == 0 else {
            throw SimulationFailure.escaped(foreignEnqueues: executor.foreignEnqueues)
        }
        guard let result = outcome.withLock({ $0 }) else { preconditionFailure("no outcome") }
        return try result.get()
    }

    private func takeStep() throws(SimulationFailure) {
        guard executor.steps < limits.steps else {
            throw .outOfSteps(executor.steps, at: executor.now, waiting: spawner.unfinished)
        }
        switch executor.advance(movingTime: (executor.nextDeadline ?? .zero) <= limits.time) {
        case .ranJob, .movedTime: return
        case .nothingToDo where executor.nextDeadline != nil:
            throw .outOfTime(limits.time, waiting: spawner.unfinished)
        case .nothingToDo: throw .deadlock(at: executor.now, waiting: spawner.unfinished)
        }
    }

    /// Cancelled sleepers wake at once, so time need not move; a task that ignores its cancellation
    /// stays in ``SimulatedSpawner/unfinished``.
    private func windUp() {
        let limit = executor.steps + Self.windUpSteps
        spawner.cancelAll()
        while executor.steps < limit, case .ranJob = executor.advance(movingTime: false) {}
    }

    /// Jobs that cancelled tasks may still run once the body has ended.
    private static let windUpSteps = 100_000
}

/// A run that did not come to its end.
package enum SimulationFailure: Error, Equatable, Sendable {
    /// Nothing is ready and nothing sleeps, but these tasks have not ended.
    case deadlock(at: Duration, waiting: [String])
    case outOfSteps(Int, at: Duration, waiting: [String])
    case outOfTime(Duration, waiting: [String])
    /// Jobs came from other threads, so the order was not the seed's.
    case escaped(foreignEnqueues: Int)
}

extension SimulationFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .deadlock(let time, let waiting):
            "deadlock at \(time): nothing is ready, nothing sleeps; waiting: \(list(waiting))"
        case .outOfSteps(let steps, let time, let waiting):
            "no end after \(steps) steps, at \(time); waiting: \(list(waiting))"
        case .outOfTime(let time, let waiting):
            "no end after \(time) of virtual time; waiting: \(list(waiting))"
        case .escaped(let count): "\(count) jobs came from threads outside the simulation"
        }
    }

    private func list(_ names: [String]) -> String { names.joined(separator: ", ") }
}
