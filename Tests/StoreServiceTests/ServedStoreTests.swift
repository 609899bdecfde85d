import FaultPlan
import FaultyFiles
import Foundation
import Glibc
import TestSupport
import Testing

@testable import StoreService

/// The store over HTTPS: needs neither root nor FUSE.
@Suite(.enabled(if: Capability.tool("curl").isUsable, "curl is not installed"), .timeLimit(.minutes(2)))
struct ServedStoreTests {
    let folder: TemporaryFolder
    let content = TemporaryFolder.pattern(700_001)

    init() throws {
        folder = try TemporaryFolder()
        try #require(mkdir(folder.file("images"), 0o755) == 0)
        try folder.write(content, to: "images/disk.img")
    }

    func store(_ change: (inout RunningStore.Configuration) -> Void = { _ in }) throws -> RunningStore {
        var configuration = RunningStore.Configuration(directory: folder.file("images"))
        configuration.httpsPort = 0
        configuration.certificatePath = folder.file("ca.pem")
        change(&configuration)
        return try RunningStore(configuration)
    }

    func curl(_ store: RunningStore, _ arguments: String...) async throws -> ForeignProgram.Result {
        let url = try #require(store.status.places.https)
        return try await ForeignProgram(
            "curl",
            ["-sS", "--cacert", folder.file("ca.pem"), "-o", folder.file("got"), "-w", "%{http_code}"]
                + arguments + ["\(url)disk.img"]
        ).run(within: 60)
    }

    func got() throws -> [UInt8] { try Array(Data(contentsOf: URL(fileURLWithPath: folder.file("got")))) }

    @Test func `without faults the bytes are the image's, whole and in part`() async throws {
        let store = try store()
        defer { store.stop() }
        #expect(try await curl(store).output == "200")
        #expect(try got() == content)
        #expect(try await curl(store, "-r", "500-999").output == "206")
        #expect(try got() == Array(content[500..<1000]))
    }

    @Test func `a read that fails breaks the connection in the middle of the body`() async throws {
        let store = try store()
        defer { store.stop() }
        try store.book.add(
            Fault("store.errno", select: Selector(operations: ["read"], bytes: 300_000..<300_001)), at: .zero)
        let result = try await curl(store)
        #expect(result.status == 18, "\(result.error)")
        #expect(try got() == Array(content[..<262_144]))
    }

    @Test(arguments: [("ENOENT", "404"), ("EACCES", "403"), ("EIO", "500"), ("ETIMEDOUT", "503")])
    func `a file that cannot be opened is an answer of its own`(errno: String, status: String) async throws {
        let store = try store()
        defer { store.stop() }
        try store.book.add(
            Fault("store.errno", ["errno": .text(errno)], select: Selector(operations: ["open"])), at: .zero)
        #expect(try await curl(store).output == status)
    }

    @Test func `a stall lets the client time out, and ends when it is removed`() async throws {
        let store = try store()
        defer { store.stop() }
        let fault = try store.book.add(
            Fault("store.stall", select: Selector(operations: ["read"])), at: .zero)
        #expect(try await curl(store, "-m", "1").status == 28)
        #expect(store.tree.waitingRoom.waitingCount == 1)
        #expect(store.book.remove(fault.identifier, at: store.tree.now))
        #expect(try await curl(store).output == "200")
    }

    @Test func `a store that stops lets nobody wait`() async throws {
        let store = try store()
        try store.book.add(Fault("store.uninterruptible", select: Selector(operations: ["read"])), at: .zero)
        let url = try #require(store.status.places.https)
        let client = try RunningProgram(
            try #require(Capability.path(ofTool: "curl")),
            ["-sS", "--cacert", folder.file("ca.pem"), "-o", folder.file("got"), "\(url)disk.img"])
        while store.tree.waitingRoom.waitingCount == 0 { await Task.yield() }
        store.stop()
        #expect(await client.stop() != 0)
    }

    @Test func `short reads are read on, wrong bits are passed on, and the log has both`() async throws {
        let store = try store { $0.logPath = folder.file("log") }
        defer { store.stop() }
        try store.book.add(Fault("store.short-read", ["missing": 100]), at: .zero)
        #expect(try await curl(store).output == "200")
        #expect(try got() == content)
        store.book.removeAll(at: store.tree.now)
        try store.book.add(Fault("store.bit-flip", ["at": 1000]), at: .zero)
        _ = try await curl(store)
        let wrong = try zip(got(), content).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
        #expect(wrong == [1000])
        let log = try String(contentsOfFile: folder.file("log"), encoding: .utf8)
        #expect(log.contains("\"injected\":[\"short\"]") && log.contains("\"injected\":[\"corrupt\"]"))
        #expect(log.contains("\"front\":\"https\""))
    }

    @Test func `user and password are asked for`() async throws {
        let store = try store {
            $0.user = "anna"
            $0.password = "secret: ü"
        }
        defer { store.stop() }
        #expect(try await curl(store).output == "401")
        #expect(try await curl(store, "-u", "anna:wrong").output == "401")
        #expect(try await curl(store, "-u", "anna:secret: ü").output == "200")
    }

    @Test func `what cannot be started leaves nothing behind`() throws {
        #expect(throws: StoreFailure.self) { try store { $0.directory = "/nowhere/at/all" } }
        #expect(throws: StoreFailure.self) { try store { $0.logPath = "/nowhere/log" } }
        #expect(throws: StoreFailure.self) { try store { $0.mountPoint = "/nowhere/mnt" } }
        #expect(throws: StoreFailure.self) { try store { $0.faults = [Fault("store.what")] } }
        let first = try store { $0.controls = [.unix(path: folder.file("s"))] }
        #expect(throws: StoreFailure.self) { try store { $0.controls = [.unix(path: folder.file("s"))] } }
        first.stop()
        first.stop()
    }
}
