import Foundation
import Glibc
import TestSupport
import Testing

@testable import StoreService

/// What mounting needs.
let fuse = Capability(
    name: "fuse", isPresent: access("/dev/fuse", R_OK | W_OK) == 0 && geteuid() == 0)

/// The built program, alone, as somebody would use it who tests a product of their own.
@Suite(.enabled(if: fuse.isUsable, "no /dev/fuse, or not root"), .timeLimit(.minutes(3)))
struct StoreCommandTests {
    /// Beside the bundle that the tests run from.
    static let program = URL(fileURLWithPath: CommandLine.arguments[0])
        .deletingLastPathComponent().appendingPathComponent("mediarig").path

    let folder: TemporaryFolder
    let content = TemporaryFolder.pattern(200_000)

    init() throws {
        folder = try TemporaryFolder()
        for name in ["images", "mnt"] { try #require(mkdir(folder.file(name), 0o755) == 0) }
        try folder.write(content, to: "images/disk.img")
    }

    func start(_ arguments: String...) async throws -> RunningProgram {
        let store = try RunningProgram(
            Self.program,
            ["store", folder.file("images"), "--mount", folder.file("mnt"), "--control", folder.file("s")]
                + arguments)
        let line = try await store.firstLine()
        #expect(line.hasPrefix("ready: ") || line.hasPrefix("{"), "\(line)")
        return store
    }

    func control(_ arguments: String...) async throws -> ForeignProgram.Result {
        try await ForeignProgram(
            Self.program, ["store", "ctl"] + arguments + ["--control", folder.file("s")]
        ).run()
    }

    func isMounted() async throws -> Bool {
        try await ForeignProgram("grep", "-q", folder.file("mnt"), "/proc/self/mountinfo").run().status == 0
    }

    func read() async throws -> ForeignProgram.Result {
        try await ForeignProgram("cmp", folder.file("mnt/disk.img"), folder.file("images/disk.img")).run()
    }

    @Test func `it mounts, is controlled, and leaves nothing`() async throws {
        let store = try await start("--json")
        #expect(try await read().status == 0)
        let added = try await control(
            "add", "--kind", "store.errno", "--set", "errno=ENODEV", "--operation", "read", "--name", "gone")
        #expect(added.status == 0, "\(added.error)")
        #expect(try await read().error.contains("No such device"))
        #expect(try await control("list").output.contains("\"fired\":1"))
        #expect(try await control("log", "--last", "50").output.contains("\"error\":\"ENODEV\""))
        #expect(
            try await control("metrics").output.contains(
                "mediarig_store_faults_fired_total{fault=\"gone\"} 1"))
        #expect(try await control("remove", "gone").status == 0)
        #expect(try await read().status == 0)
        let refused = try await control("add", "--kind", "store.what")
        #expect(refused.status == 2 && refused.error.contains("store.what"))
        #expect(await store.stop() == 0)
        #expect(try await !isMounted())
        #expect(access(folder.file("s"), F_OK) != 0)
        #expect(try await control("status").status == 6)
    }

    @Test func `after kill -9 it starts again on the same mount point`() async throws {
        let killed = try await start()
        kill(killed.processIdentifier, SIGKILL)
        _ = await killed.stop()
        #expect(try await isMounted())
        #expect(try await read().status != 0)
        let store = try await start()
        #expect(try await read().status == 0)
        #expect(await store.stop() == 0)
        #expect(try await !isMounted())
    }

    @Test func `faults of a file are there from the start, and a crash is survived by restarting`()
        async throws
    {
        try folder.write(
            Array("- kind: store.latency\n  parameters: {latency: 1ms}\n".utf8), to: "faults.yaml")
        let store = try await start("--faults", folder.file("faults.yaml"), "--seed", "7", "--read-write")
        #expect(try await control("list").output.contains("store.latency"))
        #expect(try await read().status == 0)
        #expect(try await control("crash").status == 0)
        #expect(try await read().status != 0)
        #expect(try await control("restart").status == 0)
        #expect(try await read().status == 0)
        #expect(try await control("heal").output.contains("\"faultCount\":0"))
        #expect(await store.stop() == 0)
    }

    @Test func `unmounting it by hand ends it`() async throws {
        let store = try await start()
        #expect(try await ForeignProgram("umount", folder.file("mnt")).run().status == 0)
        // The socket goes away with it.
        while access(folder.file("s"), F_OK) == 0 { await Task.yield() }
        _ = await store.stop()
        #expect(try await !isMounted())
    }

    @Test func `what cannot work says so`() async throws {
        let images = folder.file("images")
        for (arguments, word) in [
            ([images], "--mount"), ([images, "--https", "0", "--control", "10.0.0.1:80"], "--control"),
            (["/nowhere", "--https", "0"], "/nowhere"), ([images, "--mount", "/nowhere/x"], "/nowhere/x"),
            ([images, "--https", "0", "--user", "anna"], "--password-file"),
            ([images, "--https", "0", "--faults", "/nowhere"], "/nowhere"),
            ([images, "--mount", "/proc"], "/proc"),
        ] {
            let result = try await ForeignProgram(Self.program, ["store"] + arguments).run(within: 20)
            #expect(result.status == 2 && result.error.contains(word), "\(arguments): \(result)")
        }
    }
}
