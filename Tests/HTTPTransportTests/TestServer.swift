import Certificates
import HTTPTypes
import Synchronization
import TestSupport
import WebFront

@testable import HTTPTransport

/// A server that echoes: what it was asked, and what comes over its WebSocket.
final class TestServer: Sendable {
    let server: WebServer
    let threads: WebThreads
    let authority: String
    let folder: TemporaryFolder

    init(_ limits: WebServerLimits = WebServerLimits()) async throws {
        folder = try TemporaryFolder()
        let files = IdentityFolder(path: folder.path)
        threads = WebThreads()
        server = try await WebServer.start(
            Echo(), identity: try files.identity(names: ["localhost", "127.0.0.1"]), host: "127.0.0.1",
            port: 0,
            on: threads, limits: limits)
        authority = files.authorityPath
    }

    func stop() async {
        await server.stop()
        await threads.stop()
    }

    var url: String { "https://localhost:\(server.port)" }

    /// - Returns: what curl prints: the answer's body, and the format's fields behind it.
    func curl(_ path: String, format: String = "", _ arguments: [String] = []) async throws -> String {
        let program = ForeignProgram(
            "curl", ["-s", "--cacert", authority, "-w", format] + arguments + ["\(url)\(path)"])
        let result = try await program.run()
        return result.output
    }

    func open(_ path: String) async throws(WebSocketRefused) -> any WebSocketLink {
        let pem = (try? IdentityFolder.read(authority)) ?? []
        return try await WebSocketClient(trust: .authorities(pem)).open(
            host: "localhost", port: server.port, path: path, fields: [])
    }
}

private struct Echo: WebApplication {
    func answer(_ request: WebRequest) async -> WebAnswer {
        let path = request.head.path ?? ""
        if path == "/events" {
            return WebAnswer(HTTPResponse(status: .ok), body: .pieces(Countdown()))
        }
        let text = "\(request.head.method) \(path) \(request.body.count)"
        return WebAnswer(HTTPResponse(status: .ok), body: .bytes(Array(text.utf8)))
    }

    func openWebSocket(_ request: WebRequest) async -> WebSocketDecision {
        guard request.head.path == "/echo" else {
            return .refused(
                WebAnswer(HTTPResponse(status: .forbidden), body: .bytes(Array("not for you".utf8))))
        }
        let offered = request.head.headerFields[HTTPField.Name("Sec-WebSocket-Protocol")!]
        return .accepted(
            WebSocketService(subprotocol: offered) { link in
                while true {
                    let pieces = await link.receive()
                    if pieces.isEmpty { return }
                    for piece in pieces {
                        do throws(WebSocketEnded) { try await link.send(Array(piece)) } catch { return }
                    }
                }
            })
    }
}

private final class Countdown: WebPieces {
    private let left = Mutex(3)
    func next() async -> [UInt8]? {
        left.withLock { left in
            guard left > 0 else { return nil }
            left -= 1
            return Array("data: \(left)\n\n".utf8)
        }
    }
}
