import Foundation
import Reports
import RunLog
import Sharding
import TestSupport
import Testing

@testable import Artefacts

/// The pages say what is written.
struct DocumentationTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func page(_ name: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(name), encoding: .utf8)
    }

    /// Names of all fields in some JSON, but those that are data.
    private static func fields(_ value: Any, into names: inout Set<String>) {
        if let object = value as? [String: Any] {
            for (name, inner) in object {
                names.insert(name)
                if !["imageSHA256", "firedByState"].contains(name) { fields(inner, into: &names) }
            }
        }
        for inner in value as? [Any] ?? [] { fields(inner, into: &names) }
    }

    @Test func `every field of every line is on the page`() throws {
        let folder = try TemporaryFolder()
        try ResultsMergeTests.runShard(1, of: 1, in: folder.path)
        let log = folder.file("runs/boot-sim-seed-7/events.jsonl")
        var names: Set<String> = []
        for path in [log, folder.file("results.jsonl")] {
            for line in try Data(contentsOf: URL(fileURLWithPath: path)).split(separator: 0x0A) {
                Self.fields(try JSONSerialization.jsonObject(with: Data(line)), into: &names)
            }
        }
        #expect(names.count > 35)
        let page = try Self.page("docs/reports.md")
        for name in names where name != "type" {
            #expect(page.contains("`\(name)`"), "docs/reports.md: \(name)")
        }
        for verdict in RunVerdict.allCases {
            #expect(page.contains("| `\(verdict.rawValue)` | \(verdict.exitCode) |"), "\(verdict)")
        }
        for lane in Lane.allCases { #expect(page.contains("`\(lane.rawValue)`")) }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.file("runs/boot-sim-seed-7"))
        for file in files where file != "lanes" {
            #expect(page.contains("| `\(file)` |"), "docs/reports.md: \(file)")
        }
    }

    @Test func `scripts and manifests use options and variables that are documented`() throws {
        let pages = try Self.page("docs/regression-runs.md") + Self.page("docs/commands.md")
        for name in [
            "JOB_COMPLETION_INDEX", "PARALLEL_SEQ", ShardEnvironment.countVariable,
            ShardEnvironment.shardVariable,
        ] {
            #expect(pages.contains(name), "\(name)")
        }
        let manifest = try Self.page("rigs/cluster/kubernetes-job.yaml")
        let counts = manifest.matches(of: /(?:completions|maxFailedIndexes|value): "?(\d+)/).map(\.output.1)
        #expect(counts.count == 3 && Set(counts).count == 1, "the number of shards stands in three places")
    }

    @Test(.enabled(if: Capability.tool("parallel").isUsable, "GNU parallel is not installed"))
    func `the GNU parallel script starts every shard once and merges after them`() async throws {
        let folder = try TemporaryFolder()
        // Stands for the program: writes down how it was called, and fails like a shard that found something.
        let stand = try folder.write(
            Array("#!/bin/sh\necho \"$@\" >> '\(folder.file("calls"))'\n[ \"$1\" != run ] || exit 1\n".utf8),
            to: "stand")
        chmod(stand, 0o755)
        var script = ForeignProgram(
            Self.root.appendingPathComponent("rigs/cluster/gnu-parallel.sh").path, "boot", "--world", "sim")
        script.environment = [
            "MEDIARIG": stand, "SHARDS": "3", "SEEDS": "1..9", "OUTPUT": folder.file("out"),
            "HOME": folder.path,
        ]
        let result = try await script.run()
        #expect(result.status == 0, "\(result.error)")
        let calls = try String(contentsOfFile: folder.file("calls"), encoding: .utf8).split(separator: "\n")
            .map(String.init)
        let out = folder.file("out")
        #expect(
            calls.dropLast().sorted()
                == (1...3).map { "run boot --world sim --seeds 1..9 --shard \($0)/3 --artifacts \(out)" })
        #expect(calls.last == "report merge \(out) --junit \(out)/junit.xml --html \(out)/index.html")
    }
}
