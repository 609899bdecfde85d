package import RunLog
package import Scenarios
internal import Sharding
package import SimulatedTime
import Synchronization
internal import Threads
package import Weaknesses

/// Many runs: scenarios × seeds, on several threads, until all are done or the time is up.
package struct Campaign: Sendable {
    /// Threads; more than this machine has cores is no use.
    package static let maximumJobs = 256
    package struct Run: Sendable {
        package var scenario: Scenario
        package var seed: UInt64
        package init(_ scenario: Scenario, seed: UInt64) {
            self.scenario = scenario
            self.seed = seed
        }
    }

    package var jobs = 1
    /// No run begins after so long.
    package var timeLimit: Duration?
    /// Every n-th run is done twice and compared; 0 none. A failure always is.
    package var repeatEvery = 20
    package var schedule: Schedule?
    package var commit = "unknown"
    /// A mistake that the service is to have.
    package var weakness: Weakness?
    /// Also of runs that passed; else they have none, since they can be run again.
    package var keepsEventsOfPassed = false

    package init() {}

    /// - Parameter ended: called for each run as it ends, by one thread at a time: failed runs with all their
    ///   events.
    /// - Returns: how many runs were left out for want of time.
    package func run(
        _ runs: [Run], ended: @escaping @Sendable (RunRecord, Scenario.Resolved?) -> Void
    ) -> Int {
        let queue = Mutex(Queue(runs: runs))
        let start = ContinuousClock.now
        let finished = Monitor(0)
        let reporting = Mutex(())
        let jobs = max(1, min(self.jobs, Self.maximumJobs))
        let work = { @Sendable in
            while let (number, run) = queue.withLock({ $0.next() }) {
                if let timeLimit, ContinuousClock.now - start >= timeLimit {
                    queue.withLock { $0.leaveOut() }
                    continue
                }
                let (record, resolved) = one(run, number: number)
                reporting.withLock { _ in ended(record, resolved) }
            }
        }
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
        return queue.withLock { $0.leftOut }
    }

    private struct Queue: Sendable {
        let runs: [Run]
        private var count = 0
        private(set) var leftOut = 0

        init(runs: [Run]) { self.runs = runs }

        mutating func next() -> (Int, Run)? {
            guard count < runs.count else { return nil }
            count += 1
            return (count, runs[count - 1])
        }
        mutating func leaveOut() { leftOut += 1 }
    }

    /// Resolves and runs; a failure is run once more, with all events, and must be the same.
    package func one(_ run: Run, number: Int = 1) -> (RunRecord, Scenario.Resolved?) {
        let resolved: Scenario.Resolved
        do { resolved = try run.scenario.resolve(seed: run.seed) } catch {
            var record = RunRecord(
                RunIdentity(scenario: run.scenario.name, seed: run.seed, world: "sim"))
            record.verdict = .broken
            record.violations = [Violation("rig", at: .zero, "\(error)")]
            return (record, nil)
        }
        var simulated = SimulatedRun(resolved)
        simulated.schedule = schedule
        simulated.commit = commit
        simulated.weakness = weakness
        simulated.maximumEvents = keepsEventsOfPassed ? RunRecorder.maximumEvents : 0
        let first = simulated.record()
        let isRepeated = first.verdict != .passed || (repeatEvery > 0 && number.isMultiple(of: repeatEvery))
        guard isRepeated else { return (first, resolved) }
        simulated.maximumEvents = RunRecorder.maximumEvents
        var second = simulated.record()
        if second.traceHash != first.traceHash || second.verdict != first.verdict {
            second.verdict = .notDeterministic
            second.violations.append(
                Violation(
                    "not deterministic", at: .zero,
                    "trace \(first.traceHash) after \(first.stepCount) steps, then \(second.traceHash) "
                        + "after \(second.stepCount)"))
        }
        if second.verdict == .passed, !keepsEventsOfPassed {
            second.events = []
            second.omittedEventCount = first.omittedEventCount
        }
        return (second, resolved)
    }
}
