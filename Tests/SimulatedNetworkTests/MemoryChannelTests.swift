import FaultPoints
import Glibc
import SimulatedTime
import TestSupport
import Testing
import VirtualMedia
import WireFormat

@testable import SimulatedNetwork

/// Two ends of a connection, in virtual time.
struct NetworkRun: Sendable {
    let simulation: Simulation
    let surroundings: NetworkSurroundings

    static func run<Result: Sendable>(
        seed: UInt64 = 1, faults: any FaultInjector = NoFaults(),
        _ body: @escaping @Sendable (NetworkRun) async throws -> Result
    ) throws -> Result {
        try Simulation(seed: seed).run { simulation in
            try await body(
                NetworkRun(
                    simulation: simulation, surroundings: NetworkSurroundings(simulation, faults: faults)))
        }
    }

    var now: Duration { simulation.clock.now }

    func connect(_ options: MemoryLink.Options = MemoryLink.Options()) -> (MemoryChannel, MemoryChannel) {
        MemoryLink.connect("path", options: options, in: surroundings)
    }

    func spawn(_ name: String, _ body: @escaping @Sendable () async -> Void) -> any SpawnedTask {
        simulation.spawner.spawn(name, .shared, body)
    }
}

/// Exactly so many bytes; fewer at the end of the stream.
func receive(_ byteCount: Int, from channel: any ByteChannel) async throws -> [UInt8] {
    var received: [UInt8] = []
    while received.count < byteCount {
        let part = try await channel.readSome(atMost: byteCount - received.count)
        if part.isEmpty { break }
        received += part
    }
    return received
}

extension ByteChannel {
    func send(_ bytes: [UInt8]) async -> CInt {
        do throws(SystemError) {
            try await write(bytes[...])
            return 0
        } catch { return error.errno }
    }
}

struct MemoryChannelTests {
    static let sizes = [0, 1, 7, 4096, 212_992, 212_993, 700_000]

    @Test(arguments: sizes, [1, 100, 1 << 20])
    func `what is written is read, whatever the buffer and the portions`(byteCount: Int, portion: Int) throws
    {
        let sent = TemporaryFolder.pattern(byteCount, seed: UInt64(portion))
        let received = try NetworkRun.run { run async throws in
            var options = MemoryLink.Options()
            options.bufferBytes = portion == 1 ? 64 : 212_992
            let (client, server) = run.connect(options)
            let writer = run.spawn("writer") {
                #expect(await client.send(Array(sent.prefix(portion == 1 ? 3000 : .max))) == 0)
                client.closeWriting()
            }
            var received: [UInt8] = []
            while true {
                let part = try await server.readSome(atMost: portion)
                if part.isEmpty { break }
                received.append(contentsOf: part)
            }
            await writer.finished()
            return received
        }
        let isSame = received == Array(sent.prefix(portion == 1 ? 3000 : .max))
        #expect(isSame)
    }

    @Test(arguments: [1, 100, 4096])
    func `a writer waits until there is room`(bufferBytes: Int) throws {
        try NetworkRun.run { run async throws in
            var options = MemoryLink.Options()
            options.bufferBytes = bufferBytes
            let (client, server) = run.connect(options)
            let writer = run.spawn("writer") {
                #expect(await client.send([UInt8](repeating: 1, count: bufferBytes + 1)) == 0)
            }
            try await run.simulation.clock.sleep(for: .seconds(60))
            #expect(client.sentBytes == UInt64(bufferBytes))
            #expect(try await server.readSome(atMost: 1).count == 1)
            await writer.finished()
            #expect(client.sentBytes == UInt64(bufferBytes) + 1)
        }
    }

    @Test func `closing ends both directions, after what was sent`() throws {
        try NetworkRun.run { run async throws in
            let (client, server) = run.connect()
            #expect(await client.send([1, 2, 3]) == 0)
            #expect(await server.send([9]) == 0)
            client.close()
            client.close()
            #expect(try await receive(4, from: server) == [1, 2, 3])
            #expect(await server.send([4]) == EPIPE)
            #expect(await client.send([5]) == EPIPE)
            // As a socket that was shut down: what had arrived can still be read.
            #expect(try await receive(2, from: client) == [9])
        }
    }

    @Test func `who waits is woken when either end closes`() throws {
        try NetworkRun.run { run async throws in
            for closesOwnEnd in [true, false] {
                var options = MemoryLink.Options()
                options.bufferBytes = 4
                let (client, server) = run.connect(options)
                let reader = run.spawn("reader") { #expect((try? await receive(1, from: client)) == []) }
                let writer = run.spawn("writer") {
                    #expect(await client.send([1, 2, 3, 4, 5]) == EPIPE)
                }
                try await run.simulation.clock.sleep(for: .seconds(1))
                (closesOwnEnd ? client : server).close()
                await reader.finished()
                await writer.finished()
            }
        }
    }

    @Test func `after a half close the other direction goes on`() throws {
        try NetworkRun.run { run async throws in
            let (client, server) = run.connect()
            #expect(await client.send([1]) == 0)
            client.closeWriting()
            #expect(try await receive(2, from: server) == [1])
            #expect(await server.send([2, 3]) == 0)
            #expect(try await receive(2, from: client) == [2, 3])
            #expect(await client.send([4]) == EPIPE)
            server.closeReading()
            server.closeWriting()
            #expect(try await receive(1, from: client).isEmpty)
        }
    }

    @Test func `a reset is told once to each writer and loses what is in flight`() throws {
        try NetworkRun.run { run async throws in
            let (client, server) = run.connect(
                MemoryLink.Options(LinkModel(latency: .milliseconds(10))))
            #expect(await client.send([1, 2]) == 0)
            client.reset()
            #expect(try await receive(2, from: server).isEmpty)
            #expect(await server.send([1]) == ECONNRESET)
            #expect(await server.send([1]) == EPIPE)
            #expect(await client.send([1]) == ECONNRESET)
            #expect(try await receive(1, from: client).isEmpty)
        }
    }

    @Test func `two writers do not mix their bytes`() throws {
        try NetworkRun.run { run async throws in
            var options = MemoryLink.Options()
            options.bufferBytes = 10
            let (client, server) = run.connect(options)
            let writers = (1...3).map { number in
                run.spawn("writer \(number)") {
                    #expect(await client.send([UInt8](repeating: UInt8(number), count: 100)) == 0)
                }
            }
            let received = try await receive(300, from: server)
            for start in stride(from: 0, to: 300, by: 100) {
                #expect(Set(received[start..<start + 100]).count == 1)
            }
            for writer in writers { await writer.finished() }
        }
    }

    @Test func `the same seed moves the same bytes at the same times`() throws {
        func times(_ seed: UInt64) throws -> [Duration] {
            try NetworkRun.run(seed: seed) { run async throws in
                let (client, server) = run.connect(
                    MemoryLink.Options(
                        LinkModel(
                            latency: .milliseconds(20), jitter: .normal(.milliseconds(5)),
                            bytesPerSecond: 1_000_000, lossProbability: 0.1)))
                let writer = run.spawn("writer") {
                    for number in 0..<20 { #expect(await client.send([UInt8(number)]) == 0) }
                }
                var times: [Duration] = []
                for number in 0..<20 {
                    #expect(try await receive(1, from: server) == [UInt8(number)])
                    times.append(run.now)
                }
                await writer.finished()
                return times
            }
        }
        #expect(try times(7) == times(7))
        #expect(try times(7) != times(8))
        #expect(try times(7) == times(7).sorted())
    }
}

struct LinkModelTests {
    /// Sends one portion and measures when it has arrived.
    static func arrival(_ model: LinkModel, byteCount: Int = 1, seed: UInt64 = 1) throws -> Duration {
        try NetworkRun.run(seed: seed) { run async throws in
            let (client, server) = run.connect(MemoryLink.Options(model))
            let writer = run.spawn("writer") {
                #expect(await client.send([UInt8](repeating: 7, count: byteCount)) == 0)
            }
            #expect(try await receive(byteCount, from: server).count == byteCount)
            await writer.finished()
            return run.now
        }
    }

    @Test(arguments: [
        (LinkModel.local, 1000, Duration.zero),
        (LinkModel(latency: .milliseconds(30)), 1000, .milliseconds(30)),
        (LinkModel(latency: .milliseconds(30), jitter: .constant(.milliseconds(5))), 1, .milliseconds(35)),
        (LinkModel(bytesPerSecond: 1000), 500, .milliseconds(500)),
        (LinkModel(latency: .seconds(1), bytesPerSecond: 1000), 2000, .seconds(3)),
        (LinkModel(latency: .milliseconds(1), jitter: .constant(.milliseconds(-5))), 1, .zero),
    ])
    func `latency and bandwidth cost what they say`(model: LinkModel, byteCount: Int, time: Duration) throws {
        #expect(try Self.arrival(model, byteCount: byteCount) == time)
    }

    @Test(arguments: [
        (LinkModel.Jitter.uniform(.milliseconds(10)), Duration.milliseconds(90)...Duration.milliseconds(110)),
        (.normal(.milliseconds(5)), .milliseconds(60)...Duration.milliseconds(140)),
        (.pareto(scale: .milliseconds(5), shape: 1.5), .milliseconds(100)...Duration.milliseconds(5100)),
    ])
    func `jitter stays within its distribution and varies`(
        jitter: LinkModel.Jitter, range: ClosedRange<Duration>
    ) throws {
        let times = try (1...40).map { seed in
            try Self.arrival(LinkModel(latency: .milliseconds(100), jitter: jitter), seed: UInt64(seed))
        }
        #expect(times.allSatisfy(range.contains))
        #expect(Set(times).count > 30)
    }

    @Test func `a lost segment costs a retransmission, and nothing is missing`() throws {
        let times = try (1...60).map { seed in
            try Self.arrival(LinkModel(lossProbability: 0.3), seed: UInt64(seed))
        }
        #expect(times.contains(.zero) && times.contains(.milliseconds(200)))
        // A second loss of the same segment waits twice as long.
        #expect(times.contains(.milliseconds(600)))
    }

    @Test func `a black hole keeps everything until it is gone`() throws {
        try NetworkRun.run { run async throws in
            let (client, server) = run.connect()
            client.link.change { $0.isBlackHole = true }
            #expect(await client.send([1, 2]) == 0)
            client.close()
            let reader = run.spawn("reader") {
                #expect((try? await receive(3, from: server)) == [1, 2])
                #expect(run.now == .seconds(90))
            }
            try await run.simulation.clock.sleep(for: .seconds(90))
            client.link.change { $0.isBlackHole = false }
            await reader.finished()
        }
    }

    @Test func `a connection that is closed leaves no timer behind`() throws {
        try NetworkRun.run { run async throws in
            let (client, server) = run.connect(MemoryLink.Options(LinkModel(latency: .seconds(3600))))
            #expect(await client.send([1]) == 0)
            server.close()
            client.close()
            await Task.yield()
            await Task.yield()
            #expect(!run.simulation.spawner.unfinished.contains { $0.contains("delivers") })
        }
    }
}
