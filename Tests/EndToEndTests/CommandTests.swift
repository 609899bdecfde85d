import Foundation
import TestSupport
import Testing

/// The built program as a user meets it: output, exit status, what it leaves.
struct CommandTests {
    /// Beside the bundle that the tests run from.
    static let program = URL(fileURLWithPath: CommandLine.arguments[0])
        .deletingLastPathComponent().appendingPathComponent("mediarig").path

    static func run(_ arguments: [String], input: String? = nil) async throws -> ForeignProgram.Result {
        try await ForeignProgram(program, arguments).run(input: input)
    }

    @Test func `a verified file is proven in words and in JSON`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(1 << 20, to: "disk.img")
        let text = try await Self.run(["verify", image])
        #expect(text.status == 0, "\(text.error)")
        for word in [
            "PROVEN", "host saw", "capacity", "descriptors", "1.0 MiB compared equal", "nothing left behind",
        ] {
            #expect(text.output.contains(word), "\(text.output)")
        }
        let json = try await Self.run([
            "verify", image, "--json", "--mode", "legacy", "--read-write", "--seed", "9",
        ])
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(report["outcome"] as? String == "proven")
        #expect(report["seed"] as? Int == 9)
        #expect(
            (report["stations"] as? [[String: Any]])?.contains { $0["outcome"] as? String == "failed" }
                == false)
    }

    @Test(
        arguments: [
            (["verify"], 2, "Give an image"), (["verify", "--demo", "x.img"], 2, "its own images"),
            (["verify", "/no/such/file.img"], 2, "/no/such/file.img"),
            (["verify", "x.img", "--as", "cdrom", "--read-write"], 2, "read-only"),
            (["verify", "x.img", "--random-reads", "-1"], 2, "random-reads"),
            (["verify", "x.img", "--timeout", "0"], 2, "timeout"),
            (["verify", "x.img", "--password-file", "/no/such/file"], 2, "No such file"),
            (["verify", "x.img", "--password-file", "/tmp"], 2, "it is no file"),
            (["verify", "x.img", "--config", "/no/such/file.json"], 2, "No such file"),
            (["verify", "x.img", "--mode", "sideways"], 2, "sideways"),
            (["verify", "x.img", "--no-such-option"], 2, "no-such-option"),
            (["verify", "https://127.0.0.1:1/x", "--cafile", "/no/such/ca.pem"], 2, "/no/such/ca.pem"),
            (["verify", "https://127.0.0.1:1/x", "--cafile", "/etc/hostname"], 2, "PEM"),
            (["verify", "/etc/hostname", "--cafile", "/etc/hostname"], 2, "https://"),
            (["serve", "/no/such/file.img"], 2, "/no/such/file.img"), (["serve", "/tmp"], 2, "directory"),
            (["serve", "x.img", "--tcp", "nonsense"], 2, "HOST:PORT"),
            (["serve", "x.img", "--unix", "/tmp/a", "--tcp", "127.0.0.1:1"], 2, "exclude"),
            (["bench", "--only", "no-such-benchmark"], 2, "no-such-benchmark"),
            (["bench", "--rounds", "0"], 2, "rounds"),
            (["doctor", "--require", "flux-capacitor"], 6, "flux-capacitor"),
            (["no-such-command"], 2, "no-such-command"),
        ] as [([String], Int32, String)])
    func `what cannot work says so and has its exit status`(arguments: [String], status: Int32, says: String)
        async throws
    {
        let result = try await Self.run(arguments)
        #expect(result.status == status, "\(arguments): \(result.output)\(result.error)")
        #expect(result.error.contains(says), "\(result.error)")
    }

    @Test func `a wrong expectation ends with 1, an unreachable server with 5`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(64 << 10, to: "a.img", seed: 1)
        let other = try folder.writePattern(64 << 10, to: "b.img", seed: 2)
        #expect(try await Self.run(["verify", image, "--expect", other]).status == 1)
        let unreachable = try await Self.run(["verify", "https://127.0.0.1:1/a.img", "--expect", image])
        #expect(unreachable.status == 5)
        #expect(unreachable.output.contains("refused"), "\(unreachable.output)")
    }

    @Test func `a password comes from a file or standard input and shows nowhere`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(64 << 10, to: "a.img")
        let secret = "c0rrect-h0rse"
        let result = try await Self.run(
            ["verify", image, "--mode", "legacy", "--user", "me", "--password-file", "-", "--json"],
            input: secret + "\n")
        #expect(result.status == 0, "\(result.output)\(result.error)")
        #expect(!(result.output + result.error).contains(secret))
    }

    @Test(arguments: [["--unix"], ["--tcp"]])
    func `serve announces itself, serves and leaves no socket`(kind: [String]) async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(1 << 20, to: "a.img")
        let socket = folder.file("s")
        let server = try RunningProgram(
            Self.program,
            ["serve", image, kind[0], kind[0] == "--unix" ? socket : "127.0.0.1:0", "--export", "demo"])
        let uri = try await server.firstLine()
        #expect(uri.hasPrefix(kind[0] == "--unix" ? "nbd+unix:///demo?socket=" : "nbd://127.0.0.1:"))
        if Capability.tool("nbdinfo").isUsable {
            let info = try await ForeignProgram("nbdinfo", "--size", uri).run()
            #expect(
                info.output.trimmingCharacters(in: .whitespacesAndNewlines) == "\(1 << 20)", "\(info.error)")
        }
        #expect(await server.stop() == 0)
        #expect(!FileManager.default.fileExists(atPath: socket))
    }

    @Test func `a second server on the same socket is told that there is one`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(4096, to: "a.img")
        let first = try RunningProgram(Self.program, ["serve", image, "--unix", folder.file("s")])
        _ = try await first.firstLine()
        let second = try await Self.run(["serve", image, "--unix", folder.file("s")])
        #expect(second.status == 2)
        #expect(second.error.contains("already"), "\(second.error)")
        #expect(await first.stop() == 0)
    }

    @Test func `the benchmarks can be listed, and a missing peer is a named skip or a failure`() async throws
    {
        #expect(try await Self.run(["bench", "--list"]).output.contains("nbd-sequential"))
        var program = ForeignProgram(Self.program, "bench", "--only", "nbd-sequential")
        program.environment = ["PATH": "/nowhere"]
        let skipped = try await program.run()
        #expect(skipped.status == 0)
        #expect(skipped.error.contains("skipped: "), "\(skipped.error)")
        program = ForeignProgram(Self.program, "bench", "--only", "nbd-sequential", "--require")
        program.environment = ["PATH": "/nowhere"]
        #expect(try await program.run().status == 6)
    }

    @Test func `a report that cannot be written is a failure, a reader who leaves is none`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(64 << 10, to: "a.img")
        let full = try await ForeignProgram("sh", "-c", "'\(Self.program)' verify '\(image)' > /dev/full")
            .run()
        #expect(full.status == 6)
        #expect(full.error.contains("standard output"), "\(full.error)")
        let left = try await ForeignProgram(
            "bash", "-c", "set -o pipefail; '\(Self.program)' verify '\(image)' | head -n 1"
        ).run()
        #expect(left.status == 0, "\(left.error)")
    }

    @Test func `completion scripts come from the program`() async throws {
        for shell in ["bash", "zsh", "fish"] {
            let script = try await Self.run(["--generate-completion-script", shell]).output
            #expect(script.contains("random-reads"))
        }
    }

    /// Every option is in --help and in docs/commands.md; this reads both from the program itself.
    @Test func `every option of every command is documented`() async throws {
        struct Tool: Decodable {
            struct Command: Decodable {
                struct Argument: Decodable {
                    struct Name: Decodable { var name: String }
                    var names: [Name]?
                    var shouldDisplay: Bool?
                }
                var commandName: String
                var shouldDisplay: Bool?
                var arguments: [Argument]?
                var subcommands: [Command]?

                /// With those of the commands below it.
                var allArguments: [Argument] {
                    (arguments ?? []) + (subcommands ?? []).flatMap(\.allArguments)
                }
            }
            var command: Command
        }
        let dump = try await Self.run(["--experimental-dump-help"]).output
        let tool = try JSONDecoder().decode(Tool.self, from: Data(dump.utf8))
        let docs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../docs")
        let page = try String(contentsOf: docs.appendingPathComponent("commands.md"), encoding: .utf8)
        var checked = 0
        for command in tool.command.subcommands ?? []
        where command.commandName != "help" && command.shouldDisplay != false {
            let section = page.components(separatedBy: "\n## ").first {
                $0.hasPrefix("mediarig \(command.commandName)")
            }
            var text = try #require(section, "docs/commands.md has no section for \(command.commandName)")
            // A command with much to say has a page of its own.
            for link in text.matches(of: /\]\(([a-z-]+\.md)\)/) {
                text += try String(contentsOf: docs.appendingPathComponent(String(link.1)), encoding: .utf8)
            }
            for name in command.allArguments.flatMap({ $0.names ?? [] }).map(\.name)
            where !["h", "help", "version"].contains(name) {
                #expect(text.contains("`--\(name)"), "docs/commands.md: \(command.commandName) --\(name)")
                checked += 1
            }
        }
        #expect(checked > 30)
    }
}
