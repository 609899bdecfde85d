import BlockStorage
import Glibc
import NBDProtocol
import NBDServer
import SimulatedTime
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedNetwork

struct MemoryServerLifeTests {
    static let image = TemporaryFolder.pattern(1 << 20)

    @Test func `a server is reached by its path, dies, and comes back`() throws {
        try NetworkRun.run { run async throws in
            let sockets = MemorySockets(run.surroundings)
            let server = MemoryNBDServer(
                store: MemoryStore(Self.image), target: "/run/s", in: run.surroundings)
            for life in 0..<3 {
                try server.start(at: "/run/s", on: sockets)
                let client = try await NBDClient(try await sockets.connect(to: "/run/s"))
                #expect(try await client.read(4096, at: 8192) == Array(Self.image[8192..<12288]))
                #expect(server.connectionCount == 1)
                server.kill()
                #expect(try await receive(1, from: client.channel).isEmpty)
                #expect(await MemorySocketsTests.errno(sockets, "/run/s") == ECONNREFUSED)
                while server.connectionCount > 0 { await Task.yield() }
                #expect(server.ends.count == life + 1)
            }
            try server.start(at: "/run/s", on: sockets)
            await server.stop()
            #expect(sockets.paths.isEmpty)
            #expect(!run.simulation.spawner.unfinished.contains { $0.hasPrefix("nbd") })
        }
    }

    @Test(arguments: [false, true]) func `connections can be lost without the server`(inDisorder: Bool) throws
    {
        try NetworkRun.run { run async throws in
            let sockets = MemorySockets(run.surroundings)
            let server = MemoryNBDServer(
                store: MemoryStore(Self.image), target: "/run/s", in: run.surroundings)
            try server.start(at: "/run/s", on: sockets)
            let client = try await NBDClient(try await sockets.connect(to: "/run/s"))
            server.loseConnections(inDisorder: inDisorder)
            #expect(try await receive(1, from: client.channel).isEmpty)
            #expect(await client.channel.send([1]) == (inDisorder ? ECONNRESET : EPIPE))
            let second = try await NBDClient(try await sockets.connect(to: "/run/s"))
            #expect(try await second.read(512, at: 0) == Array(Self.image[..<512]))
            await server.stop()
        }
    }

    @Test func `an export serves its slot until it is stopped`() throws {
        try NetworkRun.run { run async throws in
            let exports = MemoryExportServer(run.surroundings)
            let export = try await exports.serve(MemoryStore(Self.image), for: "Slot_0")
            #expect(exports.running == ["Slot_0"])
            let client = try await NBDClient(try await export.connect())
            #expect(client.info.byteCount == UInt64(Self.image.count))
            #expect(try await client.read(100, at: 5) == Array(Self.image[5..<105]))
            await export.stop()
            #expect(exports.running.isEmpty)
            #expect(exports.server(of: "Slot_0")?.ends == [.stopped])
            await #expect(throws: SystemError(ECONNREFUSED, "connect to the NBD server of Slot_0")) {
                try await export.connect()
            }
            #expect(!run.simulation.spawner.unfinished.contains { $0.hasPrefix("nbd") })
        }
    }

    @Test func `too many connections are refused, and a silent client is dropped in time`() throws {
        try NetworkRun.run { run async throws in
            var limits = ServerLimits()
            limits.maximumConnections = 1
            let exports = MemoryExportServer(run.surroundings, limits: limits)
            let export = try await exports.serve(MemoryStore(Self.image), for: "Slot_0")
            let silent = try await export.connect()
            await #expect(throws: SystemError(EBUSY, "connect to the NBD server of Slot_0")) {
                try await export.connect()
            }
            #expect(try await receive(64, from: silent) == ServerHandshake.greeting)
            #expect(run.now == .seconds(30))
            await export.stop()
        }
    }

    @Test func `stopping answers what was received and cuts off who does not take it`() throws {
        try NetworkRun.run { run async throws in
            let exports = MemoryExportServer(run.surroundings)
            let store = SuspendingStore(MemoryStore(Self.image))
            let export = try await exports.serve(store, for: "Slot_0")
            let polite = try await NBDClient(try await export.connect())
            let greedy = try await NBDClient(try await export.connect())
            for cookie in 0..<50 { await greedy.ask(.read, at: 0, 1 << 20, cookie: UInt64(cookie)) }
            await polite.ask(.read, at: 0, 512, cookie: 7)
            let start = run.now
            await export.stop()
            #expect(run.now - start == .seconds(2))
            #expect(try await receive(1000, from: polite.channel).count == 16 + 512)
            #expect(exports.server(of: "Slot_0")?.ends.count == 2)
        }
    }

    @Test func `no more is received while the limit of requests is reached`() throws {
        try NetworkRun.run { run async throws in
            var limits = ServerLimits()
            limits.maximumInFlight = 4
            let exports = MemoryExportServer(run.surroundings, limits: limits)
            let store = HeldStore(MemoryStore(Self.image))
            let export = try await exports.serve(store, for: "Slot_0")
            let client = try await NBDClient(try await export.connect())
            for cookie in 0..<20 { await client.ask(.read, at: 0, 16, cookie: UInt64(cookie)) }
            try await run.simulation.clock.sleep(for: .seconds(5))
            #expect(store.waiting == 4)
            store.hold.release()
            #expect(try await receive(20 * 32, from: client.channel).count == 20 * 32)
            #expect(store.mostAtOnce == 4)
            await export.stop()
        }
    }
}
