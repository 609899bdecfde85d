import Foundation
import Reports
import TestSupport
import Testing

@testable import Artefacts

/// The built program's `report`.
struct ReportCommandTests {
    /// Beside the bundle that the tests run from.
    static let program = URL(fileURLWithPath: CommandLine.arguments[0])
        .deletingLastPathComponent().appendingPathComponent("mediarig").path

    static func run(_ arguments: [String]) async throws -> ForeignProgram.Result {
        try await ForeignProgram(program, ["report"] + arguments).run()
    }

    @Test func `merge tells what it found in words, JSON, JUnit and a page`() async throws {
        let folder = try TemporaryFolder()
        for index in 1...3 { try ResultsMergeTests.runShard(index, of: 3, in: folder.path) }
        let junit = folder.file("out/junit.xml")
        let page = folder.file("out/index.html")
        let text = try await Self.run([
            "merge", folder.path, "--junit", junit, "--html", page, "--coverage",
        ])
        #expect(text.status == 1, "\(text.error)")
        #expect(text.output.contains("WRONG: 38 of 40 runs passed"), "\(text.output)")
        #expect(text.output.contains("| `http.status`"))
        #expect(try String(contentsOfFile: junit, encoding: .utf8).contains("tests=\"40\" failures=\"2\""))
        #expect(
            try String(contentsOfFile: page, encoding: .utf8).contains("./../runs/boot-sim-seed-7/index.html")
        )
        let json = try await Self.run(["merge", folder.path, "--json"])
        let fields = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(fields["verdict"] as? String == "wrong" && fields["runCount"] as? Int == 40)
        #expect((fields["failures"] as? [[String: Any]])?.first?["seeds"] as? [String] == ["7", "7"])
        try FileManager.default.removeItem(atPath: folder.file("results-2-of-3.jsonl"))
        let missing = try await Self.run(["merge", folder.path])
        #expect(missing.output.contains("incomplete: missing: 2 of 3 shards"), "\(missing.output)")
    }

    @Test func `what passed but is not whole ends with 6`() async throws {
        let folder = try TemporaryFolder()
        for index in 1...2 { try ResultsMergeTests.runShard(index, of: 3, in: folder.path, failing: 0) }
        #expect(try await Self.run(["merge", folder.path]).status == 6)
        try ResultsMergeTests.runShard(3, of: 3, in: folder.path, failing: 0)
        let whole = try await Self.run(["merge", folder.path])
        #expect(whole.status == 0, "\(whole.output)")
    }

    @Test func `html makes a run's page from its folder, its log, or the summary of results`() async throws {
        let folder = try TemporaryFolder()
        try ResultsMergeTests.runShard(1, of: 1, in: folder.path)
        let run = folder.file("runs/boot-sim-seed-7")
        let own = try String(contentsOfFile: "\(run)/index.html", encoding: .utf8)
        #expect(try await Self.run(["html", run]).output == own)
        #expect(try await Self.run(["html", "\(run)/events.jsonl"]).output == own)
        let output = folder.file("summary.html")
        #expect(try await Self.run(["html", folder.file("results.jsonl"), "--output", output]).status == 0)
        #expect(
            try String(contentsOfFile: output, encoding: .utf8).contains("./runs/boot-sim-seed-7/index.html"))
    }

    @Test(
        arguments: [
            (["merge"], 2, "path"), (["merge", "/no/such"], 2, "is not there"),
            (["merge", "/etc/hostname"], 2, "JSON"),
            (["html", "/no/such"], 2, "is not there"), (["html", "/etc/hostname"], 2, "JSON"),
        ] as [([String], Int32, String)])
    func `what cannot be read says so and ends with 2`(arguments: [String], status: Int32, says: String)
        async throws
    {
        let result = try await Self.run(arguments)
        #expect(result.status == status && result.error.contains(says), "\(result.error)")
    }

    @Test func `a report that cannot be written ends with 6`() async throws {
        let folder = try TemporaryFolder()
        try ResultsMergeTests.runShard(1, of: 1, in: folder.path, failing: 0)
        let result = try await Self.run(["merge", folder.path, "--junit", "/proc/nowhere/junit.xml"])
        #expect(result.status == 6 && result.error.contains("/proc/nowhere"), "\(result.error)")
    }
}
