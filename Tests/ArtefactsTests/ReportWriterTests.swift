import Foundation
import Reports
import RunLog
import Sharding
import Synchronization
import TestSupport
import Testing

@testable import Artefacts

struct ReportWriterTests {
    static func header(_ count: Int = 1) throws -> ShardHeader {
        ShardHeader(
            shard: try Shard(index: 1, count: count), commit: "abc", world: "sim", scenarios: ["boot"],
            seeds: 1...50)
    }

    @Test func `what has ended is on disk before the next one starts`() throws {
        let folder = try TemporaryFolder()
        let writer = try ReportWriter(ReportDestination(artefacts: folder.path), try Self.header())
        for seed: UInt64 in 1...3 {
            try writer.add(ResultsMergeTests.artefacts("boot", seed, fails: seed == 2))
            let file = try RunFile.read(folder.file("results.jsonl"))
            #expect(file.runs.count == Int(seed) && file.isCutShort)
        }
        let regression = try writer.finish()
        #expect(!(try RunFile.read(folder.file("results.jsonl")).isCutShort))
        let page = try String(contentsOfFile: folder.file("index.html"), encoding: .utf8)
        #expect(page.contains("./runs/boot-sim-seed-2/index.html"))
        #expect(regression.failed.first?.page == "runs/boot-sim-seed-2/index.html")
        let runs = try FileManager.default.contentsOfDirectory(atPath: folder.file("runs"))
        #expect(runs == ["boot-sim-seed-2"])
    }

    @Test func `runs may end on many threads at once`() async throws {
        let folder = try TemporaryFolder()
        var destination = ReportDestination(artefacts: folder.path, junit: folder.file("junit.xml"))
        destination.keepsPassed = true
        destination.maximumFolders = 10
        let writer = try ReportWriter(destination, try Self.header())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed: UInt64 in 1...50 {
                group.addTask { try writer.add(ResultsMergeTests.artefacts("boot", seed)) }
            }
            try await group.waitForAll()
        }
        let regression = try writer.finish()
        #expect(regression.runs.map(\.identity.seed) == Array(1...50))
        #expect(writer.foldersLeftOut == 40)
        #expect(regression.notes == ["40 runs got no folder, because there were too many"])
        let file = try RunFile.read(folder.file("results.jsonl"))
        #expect(ResultsMerge.join([file]).problems == [])
        let junit = try String(contentsOfFile: folder.file("junit.xml"), encoding: .utf8)
        #expect(junit.contains("tests=\"50\" failures=\"0\""))
    }

    @Test func `nothing is written that was not asked for`() throws {
        let writer = try ReportWriter(ReportDestination(), try Self.header())
        #expect(try writer.add(ResultsMergeTests.artefacts("boot", 1, fails: true)) == nil)
        #expect(try writer.finish().verdict == .wrong)
    }

    @Test func `shards may share a folder`() throws {
        let folder = try TemporaryFolder()
        let destination = ReportDestination(artefacts: folder.path)
        _ = try ReportWriter(destination, try Self.header(4)).finish()
        #expect(FileManager.default.fileExists(atPath: folder.file("results-1-of-4.jsonl")))
        #expect(FileManager.default.fileExists(atPath: folder.file("shard-1-of-4.html")))
    }

    @Test(arguments: ["/proc/nowhere", "/dev/null"])
    func `a folder that cannot be is told at once`(path: String) throws {
        let error = #expect(throws: ArtefactError.self) {
            try ReportWriter(ReportDestination(artefacts: path), try Self.header())
        }
        #expect(error?.path.hasPrefix(path) == true)
    }

    @Test func `a full disk is an error, not silence`() throws {
        let folder = try TemporaryFolder()
        let writer = try ReportWriter(ReportDestination(junit: "/dev/full/junit.xml"), try Self.header())
        try writer.add(ResultsMergeTests.artefacts("boot", 1))
        #expect(throws: ArtefactError.self) { try writer.finish() }
        _ = folder
    }
}
