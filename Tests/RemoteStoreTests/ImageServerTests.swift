import BlockStorage
import Certificates
import Foundation
import HTTPRanges
import TestSupport
import Testing

@testable import RemoteStore

/// curl, a client that nobody here wrote, talks to the server.
@Suite(.enabled(if: Capability.tool("curl").isUsable, "curl is not installed"))
struct ImageServerTests {
    static let pattern = TemporaryFolder.pattern(200_001)
    let folder: TemporaryFolder
    let authority: CertificateAuthority
    let server: ImageServer

    init() throws {
        folder = try TemporaryFolder()
        authority = try CertificateAuthority()
        try authority.writeCertificate(to: folder.file("ca.pem"))
        var configuration = ImageServer.Configuration()
        configuration.directory = folder.path
        configuration.images["/memory"] = .store(MemoryStore(Self.pattern), version: 3)
        try folder.write(Self.pattern, to: "disk.img")
        server = try ImageServer(authority: authority, configuration)
    }

    func curl(_ path: String, _ arguments: String..., server other: ImageServer? = nil) async throws
        -> ForeignProgram.Result
    {
        let server = other ?? self.server
        return try await ForeignProgram(
            "curl",
            ["-sS", "--path-as-is", "--cacert", folder.file("ca.pem")] + arguments + [server.url(path)]
        ).run(within: 20)
    }

    func downloaded() throws -> [UInt8] {
        try Array(Data(contentsOf: URL(fileURLWithPath: folder.file("got"))))
    }

    @Test(arguments: ["/disk.img", "/memory", "/disk%2Eimg"])
    func `a whole image arrives`(path: String) async throws {
        let result = try await curl(path, "-o", folder.file("got"), "-w", "%{http_code}")
        #expect(result.output == "200", "\(result.error)")
        #expect(try downloaded() == Self.pattern)
        server.stop()
    }

    @Test(arguments: [
        ("0-0", 0..<1), ("5-131072", 5..<131_073), ("200000-", 200_000..<200_001), ("-10", 199_991..<200_001),
        ("199990-999999", 199_990..<200_001),
    ])
    func `a range arrives with its place`(range: String, expected: Range<Int>) async throws {
        let result = try await curl("/disk.img", "-r", range, "-D", "-", "-o", folder.file("got"))
        #expect(result.output.hasPrefix("HTTP/1.1 206 Partial Content\r\n"))
        #expect(
            result.output.contains(
                "Content-Range: bytes \(expected.lowerBound)-\(expected.upperBound - 1)/200001\r\n"))
        #expect(try downloaded() == Array(Self.pattern[expected]))
        server.stop()
    }

    @Test func `a range past the end is refused with the size`() async throws {
        let result = try await curl("/disk.img", "-r", "200001-", "-i")
        #expect(result.output.hasPrefix("HTTP/1.1 416"))
        #expect(result.output.contains("Content-Range: bytes */200001"))
        server.stop()
    }

    @Test func `HEAD gives the size and no bytes`() async throws {
        let result = try await curl("/disk.img", "-I")
        #expect(result.output.contains("Content-Length: 200001\r\n"))
        #expect(result.output.contains("Accept-Ranges: bytes\r\n"))
        #expect(result.output.hasSuffix("\r\n\r\n"))
        server.stop()
    }

    @Test func `one connection carries many requests`() async throws {
        let url = server.url("/disk.img")
        let result = try await curl(
            "/disk.img", "-r", "0-9", "-o", "/dev/null", "-w", "%{num_connects} ", url, "-o", "/dev/null",
            "-I", url, "-o",
            "/dev/null")
        #expect(result.output == "1 0 0 ", "\(result.error)")
        #expect(server.acceptedCount == 1)
        #expect(server.requestCount == 3)
        server.stop()
    }

    @Test func `conditions hold for the version they name and no other`() async throws {
        let head = try await curl("/disk.img", "-I").output
        let tag = try #require(head.firstMatch(of: /ETag: ("[^"]*")/)).1
        let date = try #require(head.firstMatch(of: /Last-Modified: ([^\r]*)/)).1
        let rows: [(String, Int)] = [
            ("If-Range: \(tag)", 206), ("If-Range: \(date)", 206), ("If-Range: \"x\"", 200),
            ("If-Range: W/\(tag)", 200),
            ("If-Range: Sun, 06 Nov 1994 08:49:37 GMT", 200), ("If-Match: \(tag)", 206), ("If-Match: *", 206),
            ("If-Match: \"x\", \(tag)", 206), ("If-Match: \"x\"", 412), ("If-Match: W/\(tag)", 412),
            ("If-Unmodified-Since: \(date)", 206),
            ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", 412),
            ("If-Unmodified-Since: nonsense", 206),
        ]
        for (condition, status) in rows {
            let result = try await curl(
                "/disk.img", "-r", "0-0", "-H", condition, "-o", "/dev/null", "-w", "%{http_code}")
            #expect(result.output == "\(status)", "\(condition)")
        }
        server.stop()
    }

    @Test(arguments: [
        "/..%2f..%2fetc%2fpasswd", "/../etc/passwd", "/none", "/..", "/.", "/", "/%00", "/disk.img%",
    ])
    func `nothing outside the folder is served`(path: String) async throws {
        #expect(try await curl(path, "-o", "/dev/null", "-w", "%{http_code}").output == "404")
        server.stop()
    }

    @Test func `other methods and bodies are refused`() async throws {
        #expect(
            try await curl("/disk.img", "-X", "DELETE", "-o", "/dev/null", "-w", "%{http_code}").output
                == "405")
        #expect(
            try await curl("/disk.img", "-d", "body", "-o", "/dev/null", "-w", "%{http_code}").output == "400"
        )
        server.stop()
    }

    @Test func `user and password are asked for where set`() async throws {
        var configuration = ImageServer.Configuration()
        configuration.directory = folder.path
        configuration.user = "operator"
        configuration.password = "pass:word"
        let guarded = try ImageServer(authority: authority, configuration)
        let rows = [([], "401"), (["-u", "operator:pass:word"], "200"), (["-u", "operator:pass"], "401")]
        for (arguments, status) in rows {
            let result = try await ForeignProgram(
                "curl",
                ["-sS", "--cacert", folder.file("ca.pem"), "-o", "/dev/null", "-w", "%{http_code}"]
                    + arguments
                    + [guarded.url("/disk.img")]
            ).run()
            #expect(result.output == status, "\(arguments)")
        }
        guarded.stop()
        server.stop()
    }

    @Test(
        arguments: [(["--tls-max", "1.2"], 0), (["--tls-max", "1.1"], 35), ([], 0)] as [([String], Int32)])
    func `TLS below 1·2 is refused`(arguments: [String], status: Int32) async throws {
        let result = try await ForeignProgram(
            "curl",
            ["-sS", "--cacert", folder.file("ca.pem"), "-o", "/dev/null"] + arguments + [
                server.url("/disk.img")
            ]
        ).run()
        #expect(result.status == status, "\(result.error)")
        server.stop()
    }

    @Test func `faults look to curl like what they are`() async throws {
        let rows: [(ResponsePlan, Int32)] = [
            (.but { $0.body = .closes(after: 1000) }, 18), (.but { $0.body = .resets(after: 1000) }, 56),
            (.but { $0.body = .stalls(after: 1000) }, 28), (.but { $0.dropsRequest = true }, 52),
            (.but { $0.length = .bytes(300_000) }, 28),
            (
                .but {
                    $0.length = .chunked
                    $0.body = .closes(after: 10)
                }, 18
            ),
        ]
        for (plan, status) in rows {
            var configuration = ImageServer.Configuration()
            configuration.directory = folder.path
            configuration.planner = { _ in plan }
            let faulty = try ImageServer(authority: authority, configuration)
            let result = try await curl("/disk.img", "-m", "1", "-o", "/dev/null", server: faulty)
            #expect(result.status == status, "\(plan): \(result.error)")
            #expect(faulty.stop())
        }
        server.stop()
    }

    @Test func `stop leaves no thread and no socket, whatever a client does`() throws {
        var configuration = ImageServer.Configuration()
        configuration.directory = folder.path
        configuration.planner = { _ in .but { $0.body = .stalls(after: 1) } }
        let stalling = try ImageServer(authority: authority, configuration)
        let client = Process()
        client.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        client.arguments = ["curl", "-sS", "--cacert", folder.file("ca.pem"), stalling.url("/disk.img")]
        client.standardOutput = FileHandle.nullDevice
        client.standardError = FileHandle.nullDevice
        try client.run()
        while stalling.requestCount == 0 { sched_yield() }
        #expect(stalling.stop())
        client.waitUntilExit()
        #expect(client.terminationStatus != 0)
        #expect(stalling.openConnectionCount == 0)
        // The port is free again.
        configuration.port = stalling.port
        let next = try ImageServer(authority: authority, configuration)
        next.stop()
        server.stop()
    }
}
