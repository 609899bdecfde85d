import Foundation
import Reports
import RunLog
import Sharding
import TestSupport
import Testing

@testable import Artefacts

struct ResultsMergeTests {
    static let scenarios = ["boot", "eject"]
    static let seeds: ClosedRange<UInt64> = 1...20

    static func header(_ index: Int, of count: Int, commit: String = "abc") throws -> ShardHeader {
        ShardHeader(
            shard: try Shard(index: index, count: count), commit: commit, world: "sim", scenarios: scenarios,
            seeds: seeds)
    }

    static func artefacts(_ scenario: String, _ seed: UInt64, fails: Bool = false) -> RunArtefacts {
        var synthetic = SyntheticRun()
        synthetic.scenario = scenario
        synthetic.seed = seed
        synthetic.slots = 1
        synthetic.eventCount = 20
        synthetic.isFailing = fails
        var record = synthetic.record()
        record.identity.commit = "abc"
        return RunArtefacts(record, scenario: [], resolvedFaults: [])
    }

    /// Runs a shard as the runner does.
    @discardableResult
    static func runShard(
        _ index: Int, of count: Int, in folder: String, stopAfter: Int = .max, failing: UInt64 = 7
    ) throws -> Regression {
        let header = try header(index, of: count)
        let writer = try ReportWriter(ReportDestination(artefacts: folder), header)
        let split = try WorkSplit(scenarioCount: scenarios.count, seeds: seeds)
        for run in split.runs(of: header.shard).prefix(stopAfter) {
            try writer.add(artefacts(scenarios[run.scenario], run.seed, fails: run.seed == failing))
        }
        return try writer.finish(stoppedEarly: stopAfter == .max ? nil : "time limit of 1 s")
    }

    static func join(_ paths: [String], pageFolder: String? = nil) throws -> Regression {
        try ResultsMerge.join(ResultsMerge.files(paths).map { try RunFile.read($0) }, pageFolder: pageFolder)
    }

    @Test(arguments: [1, 3, 4, 7])
    func `shards joined are the run in one part`(count: Int) throws {
        let whole = try TemporaryFolder()
        let parts = try TemporaryFolder()
        let one = try Self.runShard(1, of: 1, in: whole.path)
        for index in (1...count).reversed() { try Self.runShard(index, of: count, in: parts.path) }
        let joined = try Self.join([parts.path], pageFolder: parts.path)
        #expect(joined.problems == [])
        #expect(joined.runs == one.runs)
        #expect(joined.latencies == one.latencies)
        #expect(joined.verdict == .wrong && joined.failed.count == 2)
        #expect(JUnitReport.render(joined.runs) == JUnitReport.render(one.runs))
        for run in joined.failed {
            #expect(FileManager.default.fileExists(atPath: parts.file(try #require(run.page))))
        }
    }

    @Test func `a missing shard is told, whatever the others say`() throws {
        let folder = try TemporaryFolder()
        for index in [1, 4] { try Self.runShard(index, of: 5, in: folder.path, failing: 0) }
        let joined = try Self.join([folder.path])
        #expect(joined.problems == ["missing: 2-3, 5 of 5 shards"])
        #expect(joined.verdict == .broken)
    }

    @Test func `a shard that is there twice is told, and its runs count once`() throws {
        let folder = try TemporaryFolder()
        let other = try TemporaryFolder()
        for index in 1...2 { try Self.runShard(index, of: 2, in: folder.path) }
        try Self.runShard(2, of: 2, in: other.path)
        let joined = try Self.join([folder.path, other.path])
        #expect(joined.problems.first == "there more than once: 2 of 2 shards")
        #expect(
            joined.problems.last?.contains("and 15 more are there more than once") == true,
            "\(joined.problems)")
        #expect(joined.runs.count == 40)
        // The same path given twice is read once.
        #expect(try Self.join([folder.path, folder.path]).problems == [])
    }

    @Test func `the same seed with another outcome is told apart from a mere double`() throws {
        let folder = try TemporaryFolder()
        try Self.runShard(1, of: 1, in: folder.path)
        let path = folder.file("results.jsonl")
        var file = try RunFile.read(path)
        file.header = nil
        file.runs = [file.runs[3]]
        file.runs[0].traceHash ^= 1
        let joined = ResultsMerge.join([try RunFile.read(path), file])
        #expect(joined.problems.contains { $0.contains("and not alike") }, "\(joined.problems)")
    }

    @Test func `a shard that was killed or counts wrong is told, one that ran out of time is noted`() throws {
        let folder = try TemporaryFolder()
        try Self.runShard(1, of: 1, in: folder.path)
        let path = folder.file("results.jsonl")
        let lines = try Data(contentsOf: URL(fileURLWithPath: path)).split(separator: 0x0A).map {
            Array($0) + [0x0A]
        }
        let killed = try folder.write(
            lines.prefix(11).flatMap { $0 } + lines[11].prefix(100), to: "killed.jsonl")
        let cut = try Self.join([killed])
        #expect(cut.problems == ["shard 1/1 (\(killed)) was cut short after 10 of 40 runs"])
        let gap = try folder.write(lines.filter { $0 != lines[5] }.flatMap { $0 }, to: "gap.jsonl")
        #expect(try Self.join([gap]).problems == ["shard 1/1 (\(gap)) says it holds 40 runs, but holds 39"])
        let early = try TemporaryFolder()
        try Self.runShard(1, of: 1, in: early.path, stopAfter: 9, failing: 0)
        let stopped = try Self.join([early.path])
        #expect(stopped.problems == [] && stopped.verdict == .passed)
        #expect(stopped.notes == ["shard 1/1 stopped after 9 runs: time limit of 1 s"])
    }

    @Test func `shards of different regressions and foreign runs are told`() throws {
        let folder = try TemporaryFolder()
        try Self.runShard(1, of: 2, in: folder.path)
        let mine = try RunFile.read(folder.file("results-1-of-2.jsonl"))
        var other = mine
        other.header = try Self.header(2, of: 2, commit: "def")
        let mixed = ResultsMerge.join([mine, other])
        #expect(mixed.problems.contains("results of different commits: abc, def"))
        #expect(
            mixed.problems.contains { $0.contains("hold") && $0.contains("not its own: boot in sim, seed 1") }
        )
        #expect(mixed.problems.count { $0.hasPrefix("missing of 2 scenarios, seeds 1..20, sim: ") } == 2)
    }

    @Test func `skipped scenarios are not missing ones`() throws {
        let folder = try TemporaryFolder()
        for index in 1...2 {
            let header = try Self.header(index, of: 2)
            let writer = try ReportWriter(ReportDestination(artefacts: folder.path), header)
            try writer.skip(SkippedRun(scenario: "eject", world: "sim", reason: "no bus"))
            let split = try WorkSplit(scenarioCount: 2, seeds: Self.seeds)
            for run in split.runs(of: header.shard) where run.scenario == 0 {
                try writer.add(Self.artefacts("boot", run.seed))
            }
            _ = try writer.finish()
        }
        let joined = try Self.join([folder.path])
        #expect(joined.problems == [] && joined.skipped.count == 1 && joined.runs.count == 20)
    }

    @Test func `event logs of runs can be joined where no shard wrote`() throws {
        let folder = try TemporaryFolder()
        for seed: UInt64 in 1...3 {
            _ = try ArtefactFolder.write(Self.artefacts("boot", seed), under: folder.path)
        }
        let joined = try Self.join([folder.path])
        #expect(joined.runs.map(\.identity.seed) == [1, 2, 3] && joined.problems == [])
        #expect(!joined.latencies.isEmpty)
    }

    @Test func `nothing to join is an error with a remedy`() throws {
        let folder = try TemporaryFolder()
        for path in [folder.path, folder.file("nowhere")] {
            let error = #expect(throws: ArtefactError.self) { try ResultsMerge.files([path]) }
            #expect(error?.remedy.contains("--artifacts") == true)
        }
    }

    @Test func `links lead from where the page stands`() {
        #expect(PathBetween.folder("/a/b", file: "/a/b/runs/x/index.html") == "runs/x/index.html")
        #expect(PathBetween.folder("/a/out", file: "/a/b/runs/x.html") == "../b/runs/x.html")
        #expect(PathBetween.folder("/a", file: "/a/../../etc/passwd") == nil)
    }
}
