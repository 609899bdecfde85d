import Foundation
import HostObserver
import RunLog
import TestSupport
import Testing

@testable import Reports

struct RegressionTests {
    static let regression = Regression(
        SyntheticRegression.runs(),
        skipped: [SkippedRun(scenario: "on-a-board", world: "kernel", reason: "no nbd driver here")],
        knownFaults: ["tls.expired"], knownStates: ["Activating"])

    @Test func `verdicts are counted, and the worst decides`() {
        let counts: [RunVerdict: Int] = [.passed: 348, .wrong: 7, .notLive: 4, .vacuous: 1]
        #expect(Self.regression.counts == counts)
        #expect(Self.regression.verdict == .wrong)
        #expect(Regression([]).verdict == .vacuous)
        let passed = Self.regression.runs.filter { $0.verdict == .passed }
        #expect(Regression(passed).verdict == .passed)
        #expect(Regression(passed, problems: ["shard 3 of 4 is missing"]).verdict == .broken)
        #expect(Regression(Self.regression.runs, problems: ["shard 3 of 4 is missing"]).verdict == .wrong)
    }

    @Test func `scenarios keep their own counts and their first failing seed`() throws {
        let scenarios = Self.regression.scenarios
        #expect(scenarios.map(\.name) == ["boot-under-stalls", "eject-while-reading", "standard-mix"])
        #expect(scenarios.map(\.runCount) == [120, 120, 120])
        let firstFailed: [UInt64?] = [39_595, 229_651, 134_623]
        #expect(scenarios.map(\.firstFailedSeed) == firstFailed)
    }

    @Test func `failures of one kind are one, with the shortest run first and the faults common to all`()
        throws
    {
        let failures = Self.regression.failures
        #expect(failures.map(\.name) == ["I1 wrong data", "I4 no convergence", "vacuous"])
        #expect(failures.map(\.runs.count) == [7, 4, 1])
        for failure in failures {
            #expect(failure.runs.map(\.stepCount) == failure.runs.map(\.stepCount).sorted())
            for kind in failure.alwaysFired {
                for run in failure.runs {
                    #expect(run.faults.contains { $0.kind == kind && $0.fired > 0 })
                }
            }
        }
    }

    @Test func `latencies of all runs are those of all events together`() {
        let records = (1...3).map { seed -> RunRecord in
            var synthetic = SyntheticRun()
            synthetic.seed = UInt64(seed)
            synthetic.eventCount = 500
            return synthetic.record()
        }
        let together = LaneLatency.all(of: records.flatMap(\.events))
        let summaries = records.map { RunSummary($0) }
        #expect(Regression(summaries).latencies == together)
    }

    @Test func `coverage adds up, and knows what never happened`() throws {
        let table = Self.regression.coverage
        #expect(table.states.contains("Activating"))
        #expect(table.neverFired.contains("tls.expired") && table.neverFired.contains("uevent.drop"))
        for row in table.rows {
            let truth = Self.regression.runs.flatMap(\.faults).filter { $0.kind == row.kind }
            let fired = truth.map(\.fired).reduce(0, +)
            let byState = row.firedByState.values.reduce(0, +)
            #expect(row.fired == fired && row.fired == byState)
        }
        let markdown = table.markdown()
        #expect(markdown.contains("| `tls.expired`"))
        #expect(markdown.split(separator: "\n").count == table.rows.count + 2)
        let widths = Set(markdown.split(separator: "\n").map(\.count))
        #expect(widths.count == 1)
    }

    @Test func `many faults that never fired are folded away, and still all there`() throws {
        let kinds = (0..<50).map { "kind.\($0)" }
        var tally = FaultTally(identifier: "f", kind: "kind.7")
        tally.fired = 3
        tally.firedByState = ["Active": 3]
        let page = try PageReading("<main>\(CoverageTable([tally], kinds: kinds).html().source)</main>")
        #expect(page.counts["details"] == 1 && page.counts["tr"] == 52)
        #expect(page.text.contains("49 faults that never fired"))
        let few = try PageReading("<main>\(CoverageTable([tally], kinds: ["a"]).html().source)</main>")
        #expect(few.counts["details"] == nil && few.counts["tr"] == 3)
    }

    @Test func `the page shows every failure once and links to its runs`() throws {
        let text = RegressionPage.render(Self.regression)
        let page = try PageReading(text)
        for words in [
            "360 runs of 3 scenarios", "I1 wrong data", "I4 no convergence", "still Activating after 30 s",
            "Fewest steps", "tls.expired", "no nbd driver here", "Slowest lanes", "Virtual time",
        ] {
            #expect(page.text.contains(words), "\(words)")
        }
        let links = page.references.filter { $0.hasPrefix("./") }
        #expect(links.contains("./runs/standard-mix-sim-134623/index.html"))
        #expect(Set(page.identifiers).count == page.identifiers.count)
        #expect(text.utf8.count < 1 << 20)
    }

    @Test func `the page stays small with many kinds of failure`() throws {
        let runs = (0..<3000).map { index -> RunSummary in
            var record = RunRecord(RunIdentity(scenario: "s\(index % 40)", seed: UInt64(index), world: "sim"))
            record.verdict = .wrong
            record.violations = [Violation("v\(index)", at: .zero, String(repeating: "x", count: 5000))]
            return RunSummary(record)
        }
        let problems = (0..<500).map { "shard \($0) is missing" }
        let text = RegressionPage.render(Regression(runs, problems: problems))
        #expect(text.utf8.count < 1 << 20, "\(text.utf8.count)")
        let page = try PageReading(text)
        #expect(page.text.contains("2,900 more kinds are left out"))
        #expect(page.text.contains("400 more"))
    }

    @Test func `text from records is text wherever it shows`() throws {
        let nasty = "</script><img src=x onerror=alert(1)>\"'&\0\u{1B}[2J\u{202E}\nnext"
        var run = SyntheticRegression.runs(seedCount: 17)[50]
        run.identity.scenario = nasty
        run.identity.world = nasty
        run.identity.commit = nasty
        run.identity.replayCommand = nasty
        run.violations = [Violation(nasty, slot: nasty, at: .zero, nasty)]
        run.verdict = .wrong
        run.page = "javascript:alert(1)//\(nasty)"
        let regression = Regression(
            [run], skipped: [SkippedRun(scenario: nasty, world: nasty, reason: nasty)], problems: [nasty],
            knownFaults: [nasty], knownStates: [nasty])
        let page = try PageReading(RegressionPage.render(regression))
        #expect(page.counts["img"] == nil && page.counts["script"] == 1)
        #expect(!page.attributeNames.contains { $0.hasPrefix("on") || $0 == "src" || $0 == "style" })
        for reference in page.references where !reference.hasPrefix("#") && !reference.hasPrefix("./") {
            #expect(page.identifiers.contains(reference))
        }
        let plain = RegressionText.render(regression)
        #expect(!plain.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    }

    @Test func `a link leads to a file below, or nowhere`() {
        #expect(PageAddress.relative("runs/a b/ö%?.html") == "./runs/a%20b/%C3%B6%25%3F.html")
        #expect(PageAddress.relative("javascript:alert(1)") == "./javascript%3Aalert%281%29")
        #expect(PageAddress.relative("/etc/passwd") == nil && PageAddress.relative("") == nil)
    }

    @Test func `a terminal is told the counts, the failures and how to see them again`() {
        let text = RegressionText.render(Self.regression)
        #expect(text.contains("WRONG: 348 of 360 runs passed"))
        #expect(text.contains("I1 wrong data (wrong) in 7 runs of standard-mix"))
        #expect(text.contains("  replay: mediarig run standard-mix --seed"))
        #expect(text.contains("skipped: on-a-board in kernel: no nbd driver here"))
        #expect(!text.contains("\u{1B}"))
        #expect(RegressionText.render(Self.regression, hasColour: true).contains("\u{1B}[1;31mWRONG"))
    }
}
