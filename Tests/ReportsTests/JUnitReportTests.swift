import Foundation
import RunLog
import TestSupport
import Testing

@testable import Reports

struct JUnitReportTests {
    static let nasty = "</failure>]]>&<\"'\0\u{1B}[31m\u{FFFE}\nline two\t\u{202E}"

    static func runs() -> [RunSummary] {
        var runs: [RunSummary] = []
        for (index, verdict) in RunVerdict.allCases.enumerated() {
            var synthetic = SyntheticRun()
            synthetic.seed = UInt64(index)
            synthetic.eventCount = 300
            synthetic.isFailing = verdict == .wrong
            var record = synthetic.record()
            record.verdict = verdict
            runs.append(RunSummary(record))
        }
        var hostile = runs[1]
        hostile.identity.scenario = "weird.\(nasty)/name"
        hostile.identity.plan = [nasty]
        hostile.identity.imageSHA256 = [nasty: nasty]
        hostile.identity.replayCommand = nasty
        hostile.identity.seed = .max
        hostile.violations = [Violation(nasty, slot: nasty, at: .seconds(1), nasty)]
        return runs + [hostile]
    }

    static func report() -> String {
        JUnitReport.render(
            runs(),
            skipped: [SkippedRun(scenario: "on-a-board", world: "kernel", reason: "no nbd driver: \(nasty)")],
            startedAt: "2026-01-02T03:04:05+00:00")
    }

    @Test func `another parser finds every run, failure and reason`() throws {
        let reader = try JUnitReading(Self.report())
        #expect(
            reader.suites == [
                "boot-under-stalls", "on-a-board",
                "weird.</failure>]]>&<\"'␀␛[31m\u{FFFD}\nline two\t\u{FFFD}/name",
            ])
        #expect(reader.rootCounts == ["tests": "8", "failures": "5", "errors": "1", "skipped": "1"])
        #expect(reader.cases.count == 8)
        let wrong = try #require(
            reader.cases.first { $0.name == "seed 1" && $0.suite == "boot-under-stalls" })
        #expect(wrong.className == "mediarig.sim.boot-under-stalls")
        #expect(wrong.failure?.type == "I1 wrong data")
        #expect(wrong.failure?.message.contains("block 41,216") == true)
        #expect(wrong.failure?.text.contains("I3 late answer") == true)
        #expect(wrong.failure?.text.contains("replay: mediarig run boot-under-stalls --seed 1") == true)
        #expect(wrong.properties["seed"] == "1" && wrong.properties["world"] == "sim")
        #expect(wrong.properties["plan"]?.contains("f3 nbd.reset") == true)
        #expect(wrong.properties["plan"]?.split(separator: "\n").count == 5)
        #expect(wrong.properties["trace hash"] == "123456789abcdef1")
        #expect(wrong.properties["sha256 of installer.iso"]?.count == 64)
        #expect(wrong.properties["replay"] == "mediarig run boot-under-stalls --seed 1 --world sim")
        #expect(wrong.properties["commit"]?.count == 40)
        #expect(reader.cases.first { $0.name == "seed 0" }?.failure == nil)
        #expect(reader.cases.first { $0.name == "seed 5" }?.failure?.element == "error")
        #expect(reader.cases.first { $0.name == "all seeds" }?.skipped?.hasPrefix("no nbd driver") == true)
    }

    @Test(.enabled(if: Capability.tool("xmllint").isUsable, "xmllint is not installed"))
    func `the document is valid by the schema that CI servers read`() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(Array(Self.report().utf8), to: "junit.xml")
        let schema = try folder.write(Array(junitSchema.utf8), to: "junit.xsd")
        let result = try await ForeignProgram("xmllint", "--noout", "--schema", schema, file).run()
        #expect(result.status == 0, "\(result.error)")
    }

    @Test func `passed seeds beyond the limit share a case, failed ones never`() throws {
        let count = JUnitReport.maximumPassedCases + 40
        var passed = RunSummary(RunRecord(RunIdentity(scenario: "s", seed: 0, world: "sim")))
        passed.wallNanoseconds = 1_000_000
        var runs = (0..<count).map { seed in
            var run = passed
            run.identity.seed = UInt64(seed)
            return run
        }
        runs[count - 1].verdict = .notLive
        let reader = try JUnitReading(JUnitReport.render(runs))
        #expect(reader.cases.count == JUnitReport.maximumPassedCases + 2)
        #expect(reader.cases.contains { $0.name == "39 more seeds that passed" })
        #expect(reader.cases.contains { $0.name == "seed \(count - 1)" && $0.failure?.type == "not-live" })
        #expect(reader.rootCounts["tests"] == "\(JUnitReport.maximumPassedCases + 2)")
    }

    @Test func `nothing run is a valid report of nothing`() throws {
        #expect(try JUnitReading(JUnitReport.render([])).cases.isEmpty)
    }
}
