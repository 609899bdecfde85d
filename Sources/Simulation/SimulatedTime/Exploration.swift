/// Runs a small case under every schedule there is, one after the other.
///
///     let result = try Exploration().run(seed: 1) { simulation in
///         try simulation.run { … }
///     }
///     #expect(result.isComplete)
///
/// Depth first: each run repeats the choices of the one before up to the last decision that still has a
/// ready job untried, takes the next job there, and goes on first in, first out.
package struct Exploration: Sendable {
    package struct Limits: Sendable {
        /// Decisions of a run that are varied, from its first; those after it are first in, first out.
        package var decisions = 24
        package var runs = 100_000
        package init() {}
        package init(decisions: Int = 24, runs: Int = 100_000) {
            self.decisions = decisions
            self.runs = runs
        }
    }

    package struct Result: Equatable, Sendable {
        package var runs = 0
        /// Whether every schedule was run; else a limit cut it short.
        package var isComplete = false
        /// Decisions of the run that had most.
        package var mostDecisions = 0
    }

    /// A schedule under which the case failed.
    package struct Failure: Error, CustomStringConvertible {
        /// For ``Schedule/replay(_:)``.
        package let choices: [UInt32]
        /// Counted from 1.
        package let run: Int
        package let cause: any Error
        package var description: String { "run \(run), choices \(choices): \(cause)" }
    }

    package var limits: Limits
    package init(_ limits: Limits = Limits()) { self.limits = limits }

    /// - Parameter body: Makes one run of the fresh simulation that it gets; the same every time.
    /// - Throws: ``Failure`` as soon as `body` throws.
    package func run(
        seed: UInt64, limits simulationLimits: Simulation.Limits = .init(),
        _ body: (Simulation) throws -> Void
    ) throws(Failure) -> Result {
        var result = Result()
        var prefix: [UInt32] = []
        var isCut = false
        while result.runs < limits.runs {
            result.runs += 1
            let simulation = Simulation(
                seed: seed, schedule: .replay(prefix), limits: simulationLimits,
                isTraced: false, branchLimit: limits.decisions)
            do {
                try body(simulation)
            } catch {
                throw Failure(choices: simulation.executor.choices, run: result.runs, cause: error)
            }
            result.mostDecisions = max(result.mostDecisions, simulation.executor.decisions)
            isCut = isCut || simulation.executor.decisions > limits.decisions
            guard let next = next(after: prefix, branches: simulation.executor.branches) else {
                result.isComplete = !isCut
                return result
            }
            prefix = next
        }
        return result
    }

    /// - Returns: `nil` after the last schedule.
    private func next(after prefix: [UInt32], branches: [Int]) -> [UInt32]? {
        var choices = prefix
        choices.append(contentsOf: repeatElement(0, count: max(0, branches.count - prefix.count)))
        while let last = choices.indices.last {
            if last < branches.count, Int(choices[last]) + 1 < branches[last] {
                choices[last] += 1
                return choices
            }
            choices.removeLast()
        }
        return nil
    }
}
