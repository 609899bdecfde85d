import FaultyFiles
import Foundation
import Glibc
import TestSupport
import Testing

@testable import StoreService

struct ControlAddressTests {
    @Test(arguments: [
        ("8474", ControlAddress.loopback(port: 8474)), ("127.0.0.1:0", .loopback(port: 0)),
        ("localhost:1", .loopback(port: 1)), ("/run/x.sock", .unix(path: "/run/x.sock")),
        ("unix:x.sock", .unix(path: "x.sock")), ("./x", .unix(path: "./x")),
    ])
    func `ports and paths of this machine are understood`(text: String, address: ControlAddress) {
        #expect(ControlAddress(text) == address)
    }

    @Test(arguments: [
        "", "x", "70000", "0.0.0.0:80", "example.org:80", "127.0.0.1", "1:2:3", "unix:",
        "/" + String(repeating: "x", count: 200),
    ])
    func `anything else is refused, other machines above all`(text: String) {
        #expect(ControlAddress(text) == nil)
    }
}

@Suite(.timeLimit(.minutes(2)))
struct ControlServerTests {
    private static let echo: @Sendable (ControlRequest) -> ControlResponse = { request in
        ControlResponse(
            "text/plain", "\(request.method) \(request.path) \(request.query) \(request.body.count)")
    }

    @Test func `requests reach it over TCP and over a socket that only its owner may open`() throws {
        let folder = try TemporaryFolder()
        for address in [ControlAddress.loopback(port: 0), .unix(path: folder.file("s"))] {
            let server = try ControlServer(at: address, Self.echo)
            let client = ControlClient(server.address)
            let answer = try client.send(
                ControlRequest("POST", "/a/b", query: ["n": "1"], body: [UInt8](repeating: 1, count: 70_000)))
            #expect(answer.status == 200 && answer.body == "POST /a/b [\"n\": \"1\"] 70000")
            if case .unix(let path) = address {
                var status = stat()
                #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
            }
            server.stop()
            #expect(throws: StoreFailure.self) { try client.send(ControlRequest("GET", "/")) }
        }
        #expect(access(folder.file("s"), F_OK) != 0)
    }

    @Test func `a socket file that nobody answers is taken over, one that lives is not`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("s")
        try folder.write([], to: "s")
        let first = try ControlServer(at: .unix(path: path), Self.echo)
        let error = #expect(throws: StoreFailure.self) { try ControlServer(at: .unix(path: path), Self.echo) }
        #expect(error?.description.contains("another store") == true)
        #expect(try ControlClient(first.address).send(ControlRequest("GET", "/")).status == 200)
        first.stop()
    }

    @Test(
        .enabled(if: Capability.tool("curl").isUsable, "curl is not installed"),
        arguments: [
            (["-X", "BREW POT"], 400), (["-H", "Origin: http://evil.example"], 403),
            (["-H", "Transfer-Encoding: chunked", "-d", "x"], 411),
            (["-H", "X: " + String(repeating: "y", count: 20_000)], 431), (["-d", "x"], 200),
        ])
    func `a foreign client is answered, and refused where it must be`(arguments: [String], status: Int)
        async throws
    {
        let server = try ControlServer(at: .loopback(port: 0), Self.echo)
        defer { server.stop() }
        let result = try await ForeignProgram(
            "curl",
            ["-s", "-o", "/dev/null", "-w", "%{http_code}"] + arguments + ["http://\(server.address)/"]
        ).run(within: 20)
        #expect(result.output == "\(status)", "\(result.error)")
    }

    @Test(.enabled(if: Capability.tool("curl").isUsable, "curl is not installed"))
    func `a body over the limit is refused before it is sent`() async throws {
        let folder = try TemporaryFolder()
        try folder.write([UInt8](repeating: 1, count: ControlServer.maximumBodyBytes + 1), to: "body")
        let server = try ControlServer(at: .loopback(port: 0), Self.echo)
        defer { server.stop() }
        let result = try await ForeignProgram(
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@\(folder.file("body"))",
            "http://\(server.address)/"
        ).run(within: 20)
        #expect(result.output == "413")
    }
}

struct StoreControlTests {
    let folder: TemporaryFolder
    let tree: FaultyTree
    let control: StoreControl

    init() throws {
        folder = try TemporaryFolder()
        _ = try folder.writePattern(4096, to: "disk.img")
        let book = try FaultBookTests.book()
        tree = try FaultyTree(directory: folder.path, isReadOnly: false, injector: book)
        let places = StoreControl.Places(directory: folder.path, isReadOnly: false)
        control = StoreControl(tree, book) { places }
    }

    func ask(_ method: String, _ target: String, _ body: String = "") -> (status: Int, text: String) {
        let answer = control.answer(ControlRequest(method, target: target, body: Array(body.utf8)))
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    @Test func `faults are added, listed, fire and are removed`() throws {
        #expect(ask("POST", "/faults", "kind: store.errno\nidentifier: a-1\n").status == 201)
        let plan = tree.plan(.open, on: "disk.img")
        #expect(throws: Errno(EIO)) { try tree.open("disk.img", flags: O_RDONLY, plan) }
        struct Row: Decodable { let fired: Int }
        let rows = try JSONDecoder().decode([Row].self, from: Data(ask("GET", "/faults").text.utf8))
        #expect(rows.map(\.fired) == [1])
        #expect(ask("DELETE", "/faults/a%2D1").status == 200)
        #expect(ask("DELETE", "/faults/a-1").status == 404)
        #expect(tree.plan(.open, on: "disk.img") == nil)
    }

    @Test func `of several faults all are added, or none`() {
        let answer = ask("POST", "/faults", "[{\"kind\":\"store.errno\"},{\"kind\":\"store.what\"}]")
        #expect(answer.status == 400 && answer.text.contains("store.what"))
        #expect(ask("GET", "/faults").text == "[]")
        #expect(ask("POST", "/faults").status == 400)
    }

    @Test func `crash, restart and heal do what they say, and the status tells`() throws {
        func status() throws -> StoreControl.Status {
            try JSONDecoder().decode(StoreControl.Status.self, from: Data(ask("GET", "/status").text.utf8))
        }
        #expect(ask("POST", "/crash?survivors=x").status == 400)
        #expect(ask("POST", "/crash?survivors=0").status == 200)
        #expect(try status().isCrashed)
        #expect(ask("POST", "/restart").status == 200)
        #expect(try !status().isCrashed)
        #expect(ask("POST", "/faults", "kind: store.uninterruptible").status == 201)
        #expect(try status().faultCount == 1)
        #expect(ask("POST", "/heal").status == 200)
        #expect(try status().faultCount == 0)
        #expect(ask("POST", "/smb/kill").status == 404)
    }

    @Test func `log and metrics tell of what was done`() throws {
        tree.recorder.note(
            OperationRecord(
                "fuse", .read, "disk.img", bytes: 0..<512, start: .zero, end: .zero, movedBytes: 512))
        #expect(ask("GET", "/log?last=1").text.contains("\"path\":\"disk.img\""))
        #expect(ask("GET", "/log?last=0").status == 400)
        let metrics = ask("GET", "/metrics").text
        #expect(metrics.contains("mediarig_store_operations_total{operation=\"read\"} 1\n"))
        for line in metrics.split(separator: "\n") where !line.hasPrefix("#") {
            #expect(line.wholeMatch(of: /[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.]+/) != nil, "\(line)")
        }
    }

    @Test(arguments: [
        ("GET", "/", 404), ("GET", "/what", 404), ("PUT", "/faults", 405), ("GET", "/crash", 405),
    ])
    func `what there is not is refused`(method: String, path: String, status: Int) {
        #expect(ask(method, path).status == status)
    }
}
