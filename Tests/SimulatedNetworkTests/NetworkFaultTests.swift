import BlockStorage
import FaultPoints
import Glibc
import NBDProtocol
import SimulatedTime
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedNetwork

struct NetworkFaultTests {
    static let image = TemporaryFolder.pattern(1 << 20)

    @Test(arguments: ["send", "receive"])
    func `a late portion holds up what follows, and nothing else`(operation: String) throws {
        let faults = PlannedFaults(.network, operation, 1..<2, .delay(.seconds(3)))
        try NetworkRun.run(faults: faults) { run async throws in
            let (client, server) = run.connect()
            let (from, to) = operation == "send" ? (client, server) : (server, client)
            for number in 0..<3 { #expect(await from.send([UInt8(number)]) == 0) }
            #expect(try await receive(1, from: to) == [0])
            #expect(run.now == .zero)
            #expect(await to.send([9]) == 0)
            #expect(try await receive(1, from: from) == [9])
            #expect(run.now == .zero)
            #expect(try await receive(2, from: to) == [1, 2])
            #expect(run.now == .seconds(3))
        }
    }

    @Test func `a held portion waits for its release`() throws {
        let hold = FaultHold()
        let faults = PlannedFaults(.network, "send", 0..<1, .hold(hold))
        try NetworkRun.run(faults: faults) { run async throws in
            let (client, server) = run.connect()
            #expect(await client.send([1]) == 0)
            #expect(await client.send([2]) == 0)
            client.closeWriting()
            _ = run.spawn("release") {
                try? await run.simulation.clock.sleep(for: .seconds(100))
                hold.release()
            }
            #expect(try await receive(3, from: server) == [1, 2])
            #expect(run.now == .seconds(100))
        }
    }

    @Test(arguments: 0...4) func `a reset comes after so many bytes`(afterBytes: Int) throws {
        let faults = PlannedFaults(.network, "send", 0..<1, .reset(afterBytes: afterBytes))
        try NetworkRun.run(faults: faults) { run async throws in
            let (client, server) = run.connect()
            #expect(await client.send([1, 2, 3, 4]) == 0)
            #expect(try await receive(5, from: server) == Array([1, 2, 3, 4].prefix(afterBytes)))
            #expect(await client.send([5]) == ECONNRESET)
            #expect(await client.send([5]) == EPIPE)
        }
    }

    @Test func `bandwidth lasts, slices do not`() throws {
        let faults = PlannedFaults([
            PlannedFaults.Rule(
                layer: .network, operation: "send", occurrences: 0..<1,
                actions: [.bandwidth(bytesPerSecond: 10)]),
            PlannedFaults.Rule(
                layer: .network, operation: "receive", occurrences: 0..<1, actions: [.slice(byteCount: 3)]),
        ])
        try NetworkRun.run(faults: faults) { run async throws in
            let (client, server) = run.connect()
            for number in 0..<2 {
                #expect(await client.send([UInt8](repeating: UInt8(number), count: 50)) == 0)
            }
            #expect(try await receive(100, from: server).count == 100)
            #expect(run.now == .seconds(10))
            for _ in 0..<2 { #expect(await server.send([1, 2, 3, 4, 5, 6, 7]) == 0) }
            var sizes: [Int] = []
            while sizes.reduce(0, +) < 14 { sizes.append(try await client.readSome(atMost: 100).count) }
            #expect(sizes == [3, 3, 1, 7])
        }
    }

    @Test(arguments: [1, 7, 64]) func `tiny buffers on both sides slow an NBD connection, and never stop it`(
        bufferBytes: Int
    ) throws {
        let faults = PlannedFaults(.resource, "socket-buffer", 0..<1, .special("tiny", Int64(bufferBytes)))
        try NetworkRun.run(faults: faults) { run async throws in
            let exports = MemoryExportServer(run.surroundings)
            let export = try await exports.serve(SuspendingStore(MemoryStore(Self.image)), for: "Slot_0")
            let client = try await NBDClient(try await export.connect())
            let asking = run.spawn("asking") {
                for cookie in 0..<32 {
                    await client.ask(.read, at: UInt64(cookie) * 64, 64, cookie: UInt64(cookie))
                }
            }
            #expect(try await receive(32 * 80, from: client.channel).count == 32 * 80)
            await asking.finished()
            await export.stop()
        }
    }

    @Test func `every occasion names its layer, place and bytes`() throws {
        let faults = PlannedFaults([])
        try SlotRun.run(store: MemoryStore(Self.image), faults: faults) { run async throws in
            #expect(try await run.mount() == .done)
            _ = await run.read(512, at: 65536)
            #expect(try await run.unmount() == .done)
            #expect(try await run.mount() == .done)
        }
        let found = faults.occasions
        #expect(found.allSatisfy { $0.target == SlotRun.path && $0.slot == "Slot_0" })
        #expect(Set(found.compactMap(\.connection)) == [0, 1])
        #expect(found.first { $0.operation == "handshake" }?.bytes == 0..<18)
        #expect(found.first { $0.operation == "option" }?.bytes == 18..<104)
        let read = try #require(found.first { $0.operation == "read" && $0.bytes?.contains(65536) == true })
        #expect(read.direction == .down && read.layer == .nbdSocket)
        for layer in [FaultLayer.network, .resource] { #expect(found.contains { $0.layer == layer }) }
    }
}

/// The table of what is carried out is the truth.
struct CarriedOutTests {
    static let words: [String: FaultAction] = {
        var words: [String: FaultAction] = [:]
        let actions: [FaultAction] = [
            .delay(.seconds(1)), .hold(FaultHold()), .fail(errno: EIO), .failAfterwards(errno: EIO), .pretend,
            .short(byteCount: 1), .torn(sectors: 1), .corrupt(.bitFlip(bit: 3)), .corrupt(.stale), .drop,
            .duplicate, .reorder(behind: 1), .close(afterBytes: 1), .reset(afterBytes: 1),
            .bandwidth(bytesPerSecond: 1000), .slice(byteCount: 2), .status(5),
        ]
        for action in actions { words[action.word] = action }
        return words
    }()

    /// - Parameter parameter: of a special action or a lie.
    static func action(_ word: String, _ parameter: Int64 = 1) -> FaultAction {
        if let action = words[word] { return action }
        if word.hasPrefix("lie-") { return .lie(field: String(word.dropFirst(4)), value: parameter) }
        return .special(word, parameter)
    }

    @Test(
        arguments: NetworkFaults.carriedOut.entries.map {
            "\($0.layer.rawValue) \($0.operation) \($0.action)"
        })
    func `each entry is met and carried out`(entry: String) throws {
        let parts = entry.split(separator: " ").map(String.init)
        let layer = try #require(FaultLayer(rawValue: parts[0]))
        let hold = FaultHold()
        let action = parts[2] == "hold" ? FaultAction.hold(hold) : Self.action(parts[2])
        #expect(action.word == parts[2])
        let faults = PlannedFaults(layer, parts[1], 0..<1, action)
        try NetworkRun.run(faults: faults) { run async throws in
            let sockets = MemorySockets(run.surroundings)
            let server = MemoryNBDServer(
                store: MemoryStore(byteCount: 1 << 20), target: "/run/s", in: run.surroundings)
            try server.start(at: "/run/s", on: sockets)
            let session = run.spawn("session") {
                guard let channel = try? await sockets.connect(to: "/run/s") else { return }
                let requests: [(Command, Int, [UInt8])] = [
                    (.read, 512, []), (.write, 512, [UInt8](repeating: 7, count: 512)), (.flush, 0, []),
                    (.trim, 512, []), (.writeZeroes, 512, []), (.cache, 512, []), (.blockStatus, 512, []),
                ]
                var bytes =
                    Conversation.flags + Conversation.structured
                    + Conversation.context(.setMetaContext, "base:allocation") + Conversation.go
                for (number, request) in requests.enumerated() {
                    Request(command: request.0, cookie: UInt64(number), length: UInt32(request.1))
                        .encode(into: &bytes)
                    bytes += request.2
                }
                _ = try? await channel.converse(bytes) {}
            }
            try await run.simulation.clock.sleep(for: .seconds(60))
            await server.stop()
            hold.release()
            await session.finished()
            #expect(faults.fired == 1)
        }
    }

    @Test func `what is not in the table traps`() async {
        await #expect(processExitsWith: .failure) {
            let faults = InjectorOf { $0.operation == "connect" ? [.torn(sectors: 1)] : [] }
            try NetworkRun.run(faults: faults) { run async throws in
                let exports = MemoryExportServer(run.surroundings)
                _ = try await exports.serve(MemoryStore([1]), for: "Slot_0").connect()
            }
        }
    }
}
