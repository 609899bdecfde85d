import Foundation
import TestSupport
import Testing
import WebFront

@testable import HTTPTransport

/// The server, with curl at the other end.
@Suite(.enabled(if: Capability.tool("curl").isUsable, "curl is not installed"))
struct WebServerTests {
    @Test(arguments: ["--http1.1", "--http2"])
    func `requests of both versions of HTTP are answered`(version: String) async throws {
        let server = try await TestServer()
        let spoken = version == "--http2" ? "2" : "1.1"
        #expect(
            try await server.curl("/a?b=c", format: "|%{http_version}|%{http_code}", [version])
                == "GET /a?b=c 0|\(spoken)|200")
        #expect(
            try await server.curl("/a", [version, "-d", String(repeating: "x", count: 70_000)])
                == "POST /a 70000")
        #expect(
            try await server.curl("/a", format: "%{http_code} %{size_download}", [version, "-I"]).hasSuffix(
                "200 0"))
        // The same connection again.
        #expect(
            try await server.curl("/1", format: "%{num_connects} ", [version, "\(server.url)/2"])
                == "GET /2 01 GET /1 00 ")
        #expect(try await server.curl("/events", [version]) == "data: 2\n\ndata: 1\n\ndata: 0\n\n")
        await server.stop()
    }

    /// Path, arguments of curl, and the status.
    static let tooMuch: [(String, [String], String)] = [
        ("/" + String(repeating: "p", count: 2047), [], "200"),
        ("/" + String(repeating: "p", count: 2048), [], "414"),
        ("/", ["-H", "Content-Length: 1048577"], "413"),
        ("/", ["-H", "Content-Length: 99999999999999999999"], "400"),
        ("/", ["-H", "Transfer-Encoding: chunked", "-H", "Content-Length: 3", "-d", "abc"], "400"),
        ("/", ["-X", "B@D"], "501"), ("/", ["-X", "FAKEMETHOD"], "501"),
    ]

    @Test(arguments: tooMuch.indices) func `what is too long or malformed is refused`(index: Int) async throws
    {
        let server = try await TestServer()
        let (path, arguments, status) = Self.tooMuch[index]
        let answer = try await server.curl(
            path, format: "\n%{http_code}", ["--http1.1", "--max-time", "10"] + arguments)
        #expect(answer.split(separator: "\n").last.map(String.init) == status)
        await server.stop()
    }

    @Test func `header fields have a limit, each and together`() async throws {
        let server = try await TestServer()
        for fields in [
            ["-H", "X-Long: \(String(repeating: "x", count: 9000))"],
            (0..<101).flatMap { ["-H", "X-\($0): 1"] },
        ] {
            let status = try await server.curl("/", format: "%{http_code}", ["--http1.1"] + fields)
            #expect(status.hasSuffix("400") || status.hasSuffix("431"), "\(status)")
        }
        await server.stop()
    }

    @Test func `a peer that begins and goes no further is closed`() async throws {
        var limits = WebServerLimits()
        (limits.headTime, limits.bodyTime) = (.milliseconds(300), .milliseconds(300))
        let server = try await TestServer(limits)
        // Nothing at all; TLS and nothing more; half a head; half a body.
        let script = """
            import socket, ssl, sys
            port, authority = int(sys.argv[1]), sys.argv[2]
            context = ssl.create_default_context(cafile=authority)
            for text in [None, b"", b"GET / HTTP/1.1\\r\\nHost: a\\r\\n", b"POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 5\\r\\n\\r\\nab"]:
                link = socket.create_connection(("localhost", port), timeout=20)
                if text is not None:
                    link = context.wrap_socket(link, server_hostname="localhost")
                    link.sendall(text)
                try:
                    left = link.recv(1)
                except OSError:
                    left = b""
                print("closed" if left == b"" else left)
            """
        let program = ForeignProgram("python3", ["-c", script, "\(server.server.port)", server.authority])
        let result = try await program.run()
        #expect(result.output == "closed\nclosed\nclosed\nclosed\n", "\(result)")
        await server.stop()
    }

    @Test func `a certificate once made is kept, and its key is nobody else's to read`() throws {
        let folder = try TemporaryFolder()
        let files = IdentityFolder(path: folder.path)
        let first = try files.identity(names: ["localhost"])
        #expect(try files.identity(names: ["elsewhere"]).certificateChain == first.certificateChain)
        let mode = try FileManager.default.attributesOfItem(atPath: folder.file("server-key.pem"))[
            .posixPermissions]
        #expect(mode as? Int == 0o600)
    }
}
