import Reports
import RunLog
import TestSupport

/// Many made-up runs, of which some fail in two ways.
enum SyntheticRegression {
    static func runs(seedCount: Int = 120) -> [RunSummary] {
        var runs: [RunSummary] = []
        for (index, scenario) in ["boot-under-stalls", "eject-while-reading", "standard-mix"].enumerated() {
            for seed in 1...seedCount {
                var synthetic = SyntheticRun()
                synthetic.scenario = scenario
                synthetic.seed = UInt64(seed * 7919)
                synthetic.slots = 1 + seed % 3
                synthetic.eventCount = 60 + seed % 60 * (index + 1)
                synthetic.firesEvery = 7
                synthetic.isFailing = index == 2 && seed % 17 == 0
                var record = synthetic.record()
                if index == 1, seed % 29 == 0 {
                    record.verdict = .notLive
                    record.violations = [
                        Violation(
                            "I4 no convergence", slot: "Slot_0", at: .seconds(3),
                            "still Activating after 30 s")
                    ]
                }
                if index == 0, seed == 5 { record.verdict = .vacuous }
                record.stepCount += seed * 13
                var run = RunSummary(record)
                if run.verdict != .passed {
                    run.page = "runs/\(scenario)-sim-\(run.identity.seed)/index.html"
                }
                runs.append(run)
            }
        }
        return runs
    }
}
