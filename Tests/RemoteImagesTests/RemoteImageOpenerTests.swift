import BlockStorage
import RemoteImages
import SimulatedTime
import TestSupport
import Testing
import VirtualMedia

/// The whole source on a virtual clock and one thread, with a server in memory.
struct RemoteImageOpenerTests {
    static let image = TemporaryFolder.pattern(3_000_001, seed: 5)

    static func open(
        _ server: ScriptedServer, _ simulation: Simulation, isReadWrite: Bool = false,
        timeout: Duration = .seconds(10)
    ) async throws(ImageError) -> any BlockStore {
        let opener = RemoteImageOpener(
            connector: server, clock: simulation.clock, spawner: simulation.spawner,
            random: simulation.random.stream("images"))
        return try await opener.open(
            ImageRequest(
                url: "https://images.example/disk.img", credentials: nil, isReadWrite: isReadWrite,
                timeout: timeout))
    }

    @Test(arguments: [1, 2, 3] as [UInt64], [false, true])
    func `the same seed gives the same run, and nothing escapes it`(seed: UInt64, isOrderDrawn: Bool) throws {
        func run() throws -> (UInt64, Duration) {
            let simulation = Simulation(seed: seed, isOrderDrawn: isOrderDrawn)
            let failure = FetchFailure(.truncated, "cut", .connectionLost)
            let server = ScriptedServer(
                Self.image, simulation.clock, latency: .milliseconds(20),
                failures: [2: failure, 3: failure, 5: failure])
            try simulation.run { simulation in
                let store = try await Self.open(server, simulation)
                var random = simulation.random.stream("reader")
                for _ in 0..<40 {
                    let count = Int.random(in: 1...200_000, using: &random)
                    let offset = Int.random(in: 0...Self.image.count - count, using: &random)
                    let bytes = try await store.read(count, at: UInt64(offset))
                    #expect(bytes == Array(Self.image[offset..<offset + count]), "seed \(seed)")
                    simulation.executor.note("read \(offset) \(count)")
                }
                await store.close()
                #expect(server.openConnections == 0)
            }
            #expect(simulation.executor.foreignEnqueues == 0)
            return (simulation.executor.traceHash, simulation.clock.now)
        }
        let (first, second) = (try run(), try run())
        #expect(first == second, "seed \(seed)")
        #expect(first.1 > .zero)
    }

    @Test func `reading ahead hides the latency of a walk`() throws {
        let simulation = Simulation(seed: 1)
        let server = ScriptedServer(Self.image, simulation.clock, latency: .milliseconds(100))
        let time = try simulation.run { simulation in
            let store = try await Self.open(server, simulation)
            let start = simulation.clock.now
            for offset in stride(from: 0, to: Self.image.count, by: 65_536) {
                let count = min(65_536, Self.image.count - offset)
                let bytes = try await store.read(count, at: UInt64(offset))
                #expect(bytes == Array(Self.image[offset..<offset + count]))
            }
            let time = simulation.clock.now - start
            await store.close()
            return time
        }
        // The first block, the second with the first megabyte ahead, and what then comes in parallel.
        #expect(time <= .milliseconds(400), "\(time)")
    }

    @Test func `closing ends readers and workers in the same instant`() throws {
        let simulation = Simulation(seed: 1)
        let server = ScriptedServer(Self.image, simulation.clock, latency: .seconds(3))
        try simulation.run { simulation in
            let store = try await Self.open(server, simulation)
            let reader = simulation.spawner.spawn("reader") {
                do throws(StorageError) {
                    _ = try await store.read(10, at: 0)
                    Issue.record("a closed store was read")
                } catch { #expect(error.code == .shuttingDown) }
            }
            try await simulation.clock.sleep(for: .seconds(1))
            let before = simulation.clock.now
            await store.close()
            await reader.finished()
            #expect(simulation.clock.now == before)
            #expect(server.openConnections == 0)
        }
        #expect(simulation.spawner.unfinished.isEmpty)
    }

    @Test func `giving up while opening ends it at once and leaves nothing`() throws {
        let simulation = Simulation(seed: 1)
        let server = ScriptedServer(Self.image, simulation.clock, latency: .seconds(3))
        try simulation.run { simulation in
            let opening = simulation.spawner.spawn("opening") {
                do throws(ImageError) {
                    _ = try await Self.open(server, simulation)
                    Issue.record("opened all the same")
                } catch { #expect(error.cause == .cancelled) }
            }
            try await simulation.clock.sleep(for: .seconds(1))
            opening.cancel()
            await opening.finished()
            #expect(simulation.clock.now == .seconds(1))
            #expect(server.openConnections == 0)
        }
    }

    @Test func `a busy server is asked again in virtual time, up to the deadline`() throws {
        let busy = FetchFailure(.serverError, "503", .busy(retryAfter: .seconds(4)))
        let simulation = Simulation(seed: 1)
        let server = ScriptedServer(
            Self.image, simulation.clock, latency: .zero, failures: [0: busy, 1: busy])
        try simulation.run { simulation in
            let store = try await Self.open(server, simulation)
            #expect(simulation.clock.now == .seconds(8))
            await store.close()
        }
        let patient = Simulation(seed: 1)
        let never = ScriptedServer(
            Self.image, patient.clock, latency: .zero, failures: [0: busy, 1: busy, 2: busy])
        try patient.run { simulation in
            do throws(ImageError) {
                _ = try await Self.open(never, simulation, timeout: .seconds(5))
                Issue.record("opened all the same")
            } catch { #expect(error.cause == .serverError) }
            #expect(simulation.clock.now == .seconds(4))
        }
    }

    @Test func `what is written over a remote image stays beside it`() throws {
        let simulation = Simulation(seed: 1)
        let server = ScriptedServer(Self.image, simulation.clock, latency: .milliseconds(1))
        try simulation.run { simulation in
            let store = try await Self.open(server, simulation, isReadWrite: true)
            let written = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 16)
            defer { written.deallocate() }
            written.initializeMemory(as: UInt8.self, repeating: 0xA5)
            try await store.write(UnsafeRawBufferPointer(written), at: 777, isDurable: true)
            let expected = Array(Self.image[..<777]) + Array(written) + Array(Self.image[1777..<4096])
            #expect(try await store.read(4096, at: 0) == expected)
            await store.close()
        }
    }

    @Test func `a system without threads is an error of the opening`() throws {
        struct Refusing: Spawner {
            let base: SimulatedSpawner
            let allowed: Int
            let started = Counter()

            func spawn(
                _ name: String, _ placement: TaskPlacement, _ body: @escaping @Sendable () async -> Void
            ) -> any SpawnedTask { base.spawn(name, placement, body) }

            func spawnIfPossible(
                _ name: String, _ placement: TaskPlacement, _ body: @escaping @Sendable () async -> Void
            ) -> (any SpawnedTask)? {
                started.next() < allowed ? base.spawn(name, placement, body) : nil
            }
        }
        for allowed in 0...4 {
            let simulation = Simulation(seed: 1)
            let server = ScriptedServer(Self.image, simulation.clock, latency: .zero)
            try simulation.run { simulation in
                let opener = RemoteImageOpener(
                    connector: server, clock: simulation.clock,
                    spawner: Refusing(base: simulation.spawner, allowed: allowed),
                    random: simulation.random.stream("images"))
                do throws(ImageError) {
                    _ = try await opener.open(
                        ImageRequest(
                            url: "https://h/x", credentials: nil, isReadWrite: false, timeout: .seconds(1)))
                    Issue.record("opened with \(allowed) threads")
                } catch { #expect(error.cause == .unreadable) }
                // Workers that did start end by themselves.
                try await simulation.clock.sleep(for: .milliseconds(1))
                #expect(server.openConnections == 0, "\(allowed) threads")
            }
        }
    }
}
