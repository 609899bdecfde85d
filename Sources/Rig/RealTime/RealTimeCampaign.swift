package import RunLog
package import Runs
package import Scenarios
import Synchronization
internal import Threads

/// Many runs in worlds on the real clock, some at the same time, until all are done or the time is up.
package struct RealTimeCampaign: Sendable {
    /// Worlds at the same time where nobody says otherwise: they mostly wait, but what they measure is real.
    package static let usualJobs = 2

    package var place = RealTimePlace.emulated
    package var jobs = RealTimeCampaign.usualJobs
    /// No run begins after so long.
    package var timeLimit: Duration?
    package var commit = "unknown"
    /// Also of runs that passed.
    package var keepsEventsOfPassed = false

    package init() {}

    package enum Outcome: Sendable {
        case ran(RunRecord, Scenario.Resolved?)
        /// The world lacks what the run needs, in words.
        case skipped(Campaign.Run, reason: String)
    }

    /// Blocks the calling thread.
    ///
    /// - Parameter ended: called for each run as it ends or is skipped, by one thread at a time.
    /// - Returns: how many runs were left out for want of time.
    package func run(_ runs: [Campaign.Run], ended: @escaping @Sendable (Outcome) -> Void) -> Int {
        let next = Atomic(0)
        let leftOut = Atomic(0)
        let start = Monotonic.now
        let finished = Monitor(0)
        let reporting = Mutex(())
        let work = { @Sendable in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < runs.count else { return }
                if let timeLimit, Monotonic.now - start >= timeLimit {
                    leftOut.add(1, ordering: .relaxed)
                    continue
                }
                let outcome = one(runs[index])
                reporting.withLock { _ in ended(outcome) }
            }
        }
        // A kernel has one nbd0.
        let most = place.world == .kernel ? 1 : Campaign.maximumJobs
        let jobs = max(1, min(self.jobs, most, runs.count))
        for job in 1..<jobs {
            let isStarted = BlockingThread.start("run \(job)") {
                work()
                finished.change { $0 += 1 }
            }
            // Without a thread the others do its part.
            if !isStarted { finished.change { $0 += 1 } }
        }
        work()
        _ = finished.wait { $0 == jobs - 1 ? true : nil }
        return leftOut.load(ordering: .relaxed)
    }

    private func one(_ run: Campaign.Run) -> Outcome {
        let resolved: Scenario.Resolved
        do { resolved = try run.scenario.resolve(seed: run.seed) } catch {
            var record = RunRecord(
                RunIdentity(
                    scenario: run.scenario.name, seed: run.seed, world: place.world.rawValue))
            record.verdict = .broken
            record.violations = [Violation("rig", at: .zero, "\(error)")]
            return .ran(record, nil)
        }
        let missing = place.missing(for: resolved.scenario)
        guard missing.isEmpty else { return .skipped(run, reason: missing.joined(separator: "; ")) }
        var play = RealTimeRun(resolved, in: place)
        play.commit = commit
        var record = play.recordBlocking()
        if record.verdict == .passed, !keepsEventsOfPassed {
            record.omittedEventCount += record.events.count
            record.events = []
        }
        return .ran(record, resolved)
    }
}
