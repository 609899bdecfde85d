package import RunLog
package import Scenarios
import Synchronization
internal import Threads
package import Weaknesses

/// Looks for the first seed of a scenario that finds a weakness: the run fails with it and passes without.
package struct WeaknessHunt: Sendable {
    package struct Find: Sendable {
        package var weakness: Weakness
        package var seed: UInt64
        package var kind: FailureKind
        /// The first violation.
        package var violation: Violation
        package var faultCount: Int
        /// `nil` when it was not to be made smaller, or fails in another way each time.
        package var minimised: Minimiser.Result?
    }

    package struct Outcome: Sendable {
        package var weakness: Weakness
        package var find: Find?
        /// Seeds that were run with it.
        package var seedCount: Int
        /// Of these, seeds that do not pass without it either, so that they prove nothing.
        package var unsoundCount: Int
    }

    package var scenario: Scenario
    package var seeds: ClosedRange<UInt64>
    /// Whether what is found is made as small as it can be.
    package var minimises = true
    /// Threads; one weakness each.
    package var jobs = 1

    package init(_ scenario: Scenario, seeds: ClosedRange<UInt64>) {
        self.scenario = scenario
        self.seeds = seeds
    }

    /// - Parameter ended: called for each weakness as its hunt ends, by one thread at a time.
    package func run(_ weaknesses: [Weakness], ended: @escaping @Sendable (Outcome) -> Void) {
        let next = Mutex(0)
        let finished = Monitor(0)
        let reporting = Mutex(())
        let work = { @Sendable in
            while true {
                let index = next.withLock { next in
                    defer { next += 1 }
                    return next
                }
                guard weaknesses.indices.contains(index) else { return }
                let outcome = hunt(weaknesses[index])
                reporting.withLock { _ in ended(outcome) }
            }
        }
        let jobs = max(1, min(self.jobs, weaknesses.count))
        for job in 1..<jobs {
            let isStarted = BlockingThread.start("hunt \(job)") {
                work()
                finished.change { $0 += 1 }
            }
            // Without a thread the others do its part.
            if !isStarted { finished.change { $0 += 1 } }
        }
        work()
        _ = finished.wait { $0 == jobs - 1 ? true : nil }
    }

    /// The first seed that finds it.
    package func hunt(_ weakness: Weakness) -> Outcome {
        var outcome = Outcome(weakness: weakness, find: nil, seedCount: 0, unsoundCount: 0)
        for seed in seeds {
            guard let resolved = try? scenario.resolve(seed: seed) else { continue }
            outcome.seedCount += 1
            let record = Self.record(resolved, weakness)
            guard Self.shows(weakness, in: record) else { continue }
            guard Self.record(resolved, nil).verdict == .passed else {
                outcome.unsoundCount += 1
                continue
            }
            outcome.find = found(weakness, resolved, record)
            break
        }
        return outcome
    }

    /// Neither the rig's own failure nor a run in which nothing was read proves anything.
    private static func shows(_ weakness: Weakness, in record: RunRecord) -> Bool {
        guard [.wrong, .notLive].contains(record.verdict), let first = record.violations.first else {
            return false
        }
        let words = "\(first.name): \(first.detail)"
        return weakness.signs.contains { words.contains($0) }
    }

    package static func record(_ resolved: Scenario.Resolved, _ weakness: Weakness?) -> RunRecord {
        var run = SimulatedRun(resolved)
        run.weakness = weakness
        run.maximumEvents = 0
        return run.record()
    }

    private func found(_ weakness: Weakness, _ resolved: Scenario.Resolved, _ record: RunRecord) -> Find {
        let kind = FailureKind(record)
        return Find(
            weakness: weakness, seed: resolved.seed, kind: kind, violation: record.violations[0],
            faultCount: resolved.scenario.faults.count,
            minimised: minimises ? Self.minimise(resolved, kind, weakness) : nil)
    }

    /// As small as it fails in the same way with the weakness, and passes without: where the smaller run
    /// fails without it too, it is no proof.
    package static func minimise(_ resolved: Scenario.Resolved, _ kind: FailureKind, _ weakness: Weakness)
        -> Minimiser.Result?
    {
        Minimiser { candidate in
            FailureKind(record(candidate, weakness)) == kind
                && record(candidate, nil).violations.isEmpty
        }.minimise(resolved)
    }
}
