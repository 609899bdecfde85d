import BlockStorage
import FaultPoints
import Glibc
import LinuxPlatform
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedNetwork

struct MemorySocketsTests {
    /// What is at a path.
    enum Scene: String, CaseIterable, Sendable {
        case nothing, listener, stale, file, forbidden, tooLong, full
    }

    static func errno(_ sockets: any LocalSockets, _ path: String) async -> CInt {
        do throws(SystemError) {
            try await sockets.connect(to: path).close()
            return 0
        } catch { return error.errno }
    }

    static let long = String(repeating: "x", count: 108)

    @Test(arguments: Scene.allCases)
    func `connecting fails as it does on Linux`(scene: Scene) async throws {
        let inMemory = try NetworkRun.run { run -> CInt in
            let sockets = MemorySockets(run.surroundings)
            let listener: MemoryListener?
            switch scene {
            case .nothing, .tooLong: listener = nil
            case .listener: listener = try sockets.listen(at: "/run/s")
            case .stale:
                listener = nil
                try sockets.listen(at: "/run/s").close(leavesFile: true)
            case .file:
                listener = nil
                sockets.putFile(at: "/run/s")
            case .forbidden:
                listener = try sockets.listen(at: "/run/s")
                sockets.permit("/run/s", false)
            case .full:
                listener = try sockets.listen(at: "/run/s", backlog: 1)
                _ = try await sockets.connect(to: "/run/s")
            }
            let found = await Self.errno(sockets, scene == .tooLong ? Self.long : "/run/s")
            listener?.close()
            return found
        }
        let expected: CInt =
            switch scene {
            case .nothing: ENOENT
            case .listener: 0
            case .stale, .full: ECONNREFUSED
            case .file: ENOTSOCK
            case .forbidden: EACCES
            case .tooLong: ENAMETOOLONG
            }
        #expect(inMemory == expected)
        // Root may connect anywhere, so that one scene cannot be set up for real.
        guard scene != .forbidden else { return }
        #expect(try await Self.onLinux(scene) == expected)
    }

    private static func onLinux(_ scene: Scene) async throws -> CInt {
        let folder = try TemporaryFolder()
        let path = folder.file("s")
        var descriptors: [CInt] = []
        defer { for descriptor in descriptors { Glibc.close(descriptor) } }
        func open() -> CInt {
            descriptors.append(socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0))
            return descriptors[descriptors.count - 1]
        }
        func address(_ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            return withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        switch scene {
        case .nothing, .forbidden, .tooLong: break
        case .file: try folder.write([1], to: "s")
        case .listener, .stale, .full:
            let number = open()
            #expect(address { bind(number, $0, $1) } == 0)
            if scene != .stale { #expect(listen(number, 0) == 0) }
            if scene == .full {
                let client = open()
                #expect(address { connect(client, $0, $1) } == 0)
            }
        }
        return await errno(SystemSockets(), scene == .tooLong ? long : path)
    }

    @Test func `connections are accepted in the order they came`() throws {
        try NetworkRun.run { run async throws in
            let sockets = MemorySockets(run.surroundings)
            let listener = try sockets.listen(at: "/run/s")
            var clients: [MemoryChannel] = []
            for _ in 0..<5 { clients.append(try await sockets.connect(toPath: "/run/s")) }
            for (number, client) in clients.enumerated() {
                let server = try #require(await listener.accept())
                #expect(server.link.number == number && server.link === client.link)
            }
            let acceptor = run.spawn("acceptor") { #expect(await listener.accept() == nil) }
            await Task.yield()
            listener.close()
            await acceptor.finished()
            #expect(sockets.paths.isEmpty)
        }
    }

    @Test func `a stale socket is replaced, a live one and a file are not`() throws {
        try NetworkRun.run { run async throws in
            let sockets = MemorySockets(run.surroundings)
            let first = try sockets.listen(at: "/run/s")
            #expect(throws: SystemError(EADDRINUSE, "listen at /run/s")) { try sockets.listen(at: "/run/s") }
            first.close(leavesFile: true)
            let second = try sockets.listen(at: "/run/s")
            // The path is the second's now.
            first.close()
            #expect(await Self.errno(sockets, "/run/s") == 0)
            second.close()
            sockets.putFile(at: "/run/s")
            #expect(throws: SystemError(EADDRINUSE, "listen at /run/s")) { try sockets.listen(at: "/run/s") }
            sockets.remove("/run/s")
            sockets.putStaleSocket(at: "/run/s")
            #expect(await Self.errno(sockets, "/run/s") == ECONNREFUSED)
        }
    }

    @Test func `connections that nobody accepted end with the listener`() throws {
        try NetworkRun.run { run async throws in
            let sockets = MemorySockets(run.surroundings)
            let listener = try sockets.listen(at: "/run/s")
            let client = try await sockets.connect(to: "/run/s")
            listener.close()
            #expect(try await receive(1, from: client).isEmpty)
        }
    }
}
