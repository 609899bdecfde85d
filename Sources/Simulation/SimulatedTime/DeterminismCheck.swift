/// Two runs of the same seed that differ.
package struct Nondeterminism: Error, Equatable, CustomStringConvertible {
    /// The first step that differs, counted from 0.
    package var step: Int
    /// Who took that step in either run; "no task" when the run was over.
    package var first: String
    package var second: String
    /// Who took the step before, and may have done what differs.
    package var before: String?

    package var description: String {
        let before = before.map { ", after a step of \($0)" } ?? ""
        return "two runs of one seed differ at step \(step): \(first) | \(second)\(before)"
    }
}

extension Simulation {
    /// Runs `body` twice in fresh simulations, and compares every step of both.
    ///
    /// - Parameter body: Makes all that it uses anew each time.
    /// - Returns: what both runs returned; of a value that differs without the steps differing, the first.
    /// - Throws: ``Nondeterminism``; else what the first run threw.
    @discardableResult
    package static func checkDeterminism<Result: Sendable>(
        seed: UInt64, schedule: Schedule = .firstInFirstOut, limits: Limits = Limits(),
        _ body: @escaping @Sendable (Simulation) async throws -> Result
    ) throws -> Result {
        let simulations = (0..<2).map { _ in
            Simulation(seed: seed, schedule: schedule, limits: limits, isTraced: true)
        }
        let results = simulations.map { simulation in
            Swift.Result { try simulation.run(body) }
        }
        if let difference = difference(simulations[0].executor, simulations[1].executor) {
            throw difference
        }
        return try results[0].get()
    }

    private static func difference(
        _ first: SimulatedExecutor, _ second: SimulatedExecutor
    ) -> Nondeterminism? {
        guard first.traceHash != second.traceHash || first.steps != second.steps else { return nil }
        // What agrees after a whole window need not be looked at step by step.
        let windows = zip(first.traceCheckpoints, second.traceCheckpoints).prefix { $0 == $1 }.count
        let (ours, theirs) = (first.tracedSteps, second.tracedSteps)
        var step = windows * RunCore.checkpointSteps
        while step < min(ours.count, theirs.count), ours[step] == theirs[step] { step += 1 }
        func name(_ executor: SimulatedExecutor, _ steps: [TracedStep], _ step: Int) -> String? {
            steps.indices.contains(step) ? executor.name(ofTask: steps[step].task) : nil
        }
        return Nondeterminism(
            step: step, first: name(first, ours, step) ?? "no task",
            second: name(second, theirs, step) ?? "no task", before: name(first, ours, step - 1))
    }
}
