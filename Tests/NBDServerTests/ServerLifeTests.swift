import BlockStorage
import Foundation
import NBDProtocol
import TestSupport
import Testing

@testable import NBDServer

@Suite(.serialized) struct ServerLifeTests {
    @Test(arguments: StoreShape.allCases)
    func `stopping under load ends every connection and removes the socket file`(shape: StoreShape)
        async throws
    {
        let folder = try TemporaryFolder()
        let fixture = try ServerFixture(try shape.make(TemporaryFolder.pattern(1 << 20), in: folder))
        var sockets: [Int32] = []
        for _ in 0..<4 {
            let socket = try BlockingClient.connect(fixture.path)
            sockets.append(dup(socket))
            _ = try BlockingClient(socket: socket, structured: false)
            var bytes: [UInt8] = []
            // More than the socket's buffers take: the server is stuck in sending.
            for cookie in 0..<50 {
                Request(command: .read, cookie: UInt64(cookie), length: 1 << 20).encode(into: &bytes)
            }
            BlockingClient.send(sockets.last!, bytes)
        }
        await fixture.server.stop()
        #expect(fixture.server.connectionCount == 0)
        #expect(!FileManager.default.fileExists(atPath: fixture.path))
        for socket in sockets { close(socket) }
        await fixture.server.stop()
    }

    @Test func `a connected pair is served and its end is told`() async throws {
        let server = NBDServer(store: MemoryStore([1, 2, 3, 4]))
        var pair: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        let served = try #require(server.serve(descriptor: pair[1]))
        do {
            let client = try BlockingClient(socket: pair[0])
            #expect(try client.call(.read, at: 0, 4).data == [1, 2, 3, 4])
            #expect(served.end == nil)
        }
        #expect(await served.ended() == .hungUp)
        #expect(server.connectionCount == 0)
        await server.stop()
        var late: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &late) == 0)
        #expect(server.serve(descriptor: late[1]) == nil)
        close(late[0])
    }

    @Test func `a client that hangs up with errors queued does no harm`() async throws {
        let fixture = try ServerFixture(MemoryStore(byteCount: 1 << 20))
        for _ in 0..<20 {
            let socket = try BlockingClient.connect(fixture.path)
            let client = try BlockingClient(socket: dup(socket), structured: true)
            var bytes: [UInt8] = []
            for cookie in 0..<200 {
                Request(command: .read, cookie: UInt64(cookie), offset: 1 << 30, length: 4096)
                    .encode(into: &bytes)
            }
            BlockingClient.send(socket, bytes)
            close(socket)
            _ = client.info
        }
        #expect(try fixture.client().call(.read, at: 0, 512).data == [UInt8](repeating: 0, count: 512))
        await fixture.server.stop()
    }

    @Test func `after a half-close what was asked is still answered`() async throws {
        let fixture = try ServerFixture(MemoryStore([7, 8, 9]))
        let socket = try BlockingClient.connect(fixture.path)
        let client = try BlockingClient(socket: socket, structured: false)
        var bytes: [UInt8] = []
        Request(command: .read, cookie: 5, length: 3).encode(into: &bytes)
        BlockingClient.send(socket, bytes)
        shutdown(socket, Int32(SHUT_WR))
        #expect(BlockingClient.receiveToEnd(socket).suffix(3) == [7, 8, 9])
        #expect(client.info.byteCount == 3)
        await fixture.server.stop()
    }

    @Test func `a handshake cut at every byte leaves no connection behind`() async throws {
        let fixture = try ServerFixture(MemoryStore([1, 2, 3]))
        var whole: [UInt8] = []
        whole += [0, 0, 0, 3] + OptionRequest.encode(.structuredReply)
        whole += OptionRequest.encode(.go, [0, 0, 0, 0, 0, 1, 0, 3])
        Request(command: .read, cookie: 5, length: 3).encode(into: &whole)
        for byteCount in 0...whole.count {
            let socket = try BlockingClient.connect(fixture.path)
            BlockingClient.send(socket, Array(whole.prefix(byteCount)))
            shutdown(socket, Int32(SHUT_WR))
            let answer = BlockingClient.receiveToEnd(socket)
            #expect(answer.starts(with: ServerHandshake.greeting))
            #expect((answer.suffix(3) == [1, 2, 3]) == (byteCount == whole.count))
            close(socket)
        }
        await fixture.server.stop()
        #expect(fixture.server.connectionCount == 0)
    }

    @Test func `a silent client is dropped at the handshake's limit, one too many at once`() async throws {
        var limits = ServerLimits()
        limits.handshakeMilliseconds = 50
        limits.maximumConnections = 1
        let fixture = try ServerFixture(MemoryStore([1]), limits: limits)
        let silent = try BlockingClient.connect(fixture.path)
        #expect(try BlockingClient.receive(silent, 18) == ServerHandshake.greeting)
        let second = try BlockingClient.connect(fixture.path)
        #expect(BlockingClient.receiveToEnd(second).isEmpty)
        #expect(BlockingClient.receiveToEnd(silent).isEmpty)
        close(silent)
        close(second)
        await fixture.server.stop()
    }

    @Test func `an oversized write and an unknown export are answered by hanging up`() async throws {
        let fixture = try ServerFixture(MemoryStore(byteCount: 1 << 30), name: "disc")
        let socket = try BlockingClient.connect(fixture.path)
        let client = try BlockingClient(socket: socket, exportName: "disc")
        var bytes: [UInt8] = []
        Request(command: .write, cookie: 5, length: (32 << 20) + 1).encode(into: &bytes)
        BlockingClient.send(socket, bytes)
        #expect(BlockingClient.receiveToEnd(socket).isEmpty)
        #expect(client.info.byteCount == 1 << 30)
        #expect(throws: HandshakeRefusal.self) { try fixture.client("other") }
        await fixture.server.stop()
    }
}

struct ListenTests {
    static func cause(_ address: ListenAddress) -> ListenError.Cause? {
        let server = NBDServer(store: MemoryStore([1]))
        defer { server.stopAndWait() }
        do {
            _ = try server.listen(on: address)
            return nil
        } catch {
            return error.cause
        }
    }

    @Test func `each address that cannot be listened on has its own cause`() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write([1], to: "file")
        #expect(Self.cause(.unix(path: file)) == .notASocket)
        #expect(Self.cause(.unix(path: folder.file("no/sock"))) == .folderMissing)
        let long = folder.file(String(repeating: "x", count: 107 - folder.path.utf8.count))
        #expect(Self.cause(.unix(path: long)) == .pathTooLong(byteCount: 108))
        #expect(Self.cause(.unix(path: String(long.dropLast()))) == nil)
        #expect(Self.cause(.tcp(host: "192.0.2.1", port: 0)) == .unknownHost)
        #expect(Self.cause(.tcp(host: "no such host", port: 0)) == .unknownHost)
    }

    @Test func `a stale socket file is replaced, a live one is not`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("sock")
        let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #expect(withUnixAddress(path) { bind(stale, $0, $1) } == 0)
        close(stale)
        let server = NBDServer(store: MemoryStore([1]))
        #expect(try server.listen(on: .unix(path: path)) == .unix(path: path))
        #expect(Self.cause(.unix(path: path)) == .inUse)
        #expect(try BlockingClient(socket: try BlockingClient.connect(path)).info.byteCount == 1)
        await server.stop()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `a port in use is told, and port 0 picks one`() async throws {
        let server = NBDServer(store: MemoryStore([1]))
        let bound = try server.listen(on: .tcp(host: "127.0.0.1", port: 0))
        guard case .tcp(_, let port) = bound else { return #expect(Bool(false), "\(bound)") }
        #expect(port != 0)
        #expect(Self.cause(bound) == .inUse)
        await server.stop()
    }

    @Test(arguments: [
        (ListenAddress.unix(path: "/run/a b.sock"), "dîsc", "nbd+unix:///d%C3%AEsc?socket=/run/a%20b.sock"),
        (.tcp(host: "::1", port: 10809), "", "nbd://[::1]:10809/"),
    ])
    func `URIs are escaped`(address: ListenAddress, name: String, expected: String) {
        #expect(address.uri(exportName: name) == expected)
    }
}
