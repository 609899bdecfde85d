import BlockStorage
import FaultPoints
import HTTPRanges
import RemoteImages
import SimulatedHTTP
import SimulatedTime
import TestSupport
import Testing
import VirtualMedia

struct SimulatedImageServerTests {
    static let image = TemporaryFolder.pattern(3_000_001, seed: 11)

    static func fixture(
        _ simulation: Simulation, image: [UInt8] = image, validators: ImageValidators = .entityTagAndDate,
        faults: any FaultInjector = NoFaults(), network: ServerNetwork = ServerNetwork(),
        _ change: (inout HTTPSOptions) -> Void = { _ in }
    ) -> SimulatedFixture {
        var configuration = SimulatedImageServer.Configuration()
        configuration.network = network
        let server = SimulatedImageServer(
            configuration, clock: simulation.clock, spawner: simulation.spawner, faults: faults)
        server.publish(image, at: "/disk.img", validators: validators)
        var options = HTTPSOptions()
        change(&options)
        return SimulatedFixture(simulation: simulation, server: server, options: options)
    }

    // MARK: Speed

    /// Four connections that each ask for a megabyte after the other: what the source is held against.
    static func plainDownload(_ fixture: SimulatedFixture, byteCount: Int) async throws -> Duration {
        let connector = SimulatedRangeConnector(to: fixture.server)
        guard case .https(let location) = try ImageLocation(fixture.server.url("/disk.img")) else {
            return .zero
        }
        let start = fixture.simulation.clock.now
        var tasks: [any SpawnedTask] = []
        for worker in 0..<4 {
            tasks.append(
                fixture.simulation.spawner.spawn("plain \(worker)") {
                    let connection = connector.connection(
                        to: location, options: HTTPSOptions(), authorization: nil)
                    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
                    defer { memory.deallocate() }
                    for first in stride(from: worker << 20, to: byteCount, by: 4 << 20) {
                        let range = UInt64(first)..<UInt64(min(first + (1 << 20), byteCount))
                        let part = UnsafeMutableRawBufferPointer(rebasing: memory[..<range.count])
                        let sink = ResponseSink(shown: "plain", segments: [part]) { _ in }
                        do throws(FetchFailure) {
                            try await connection.perform(
                                .get, range: range, precondition: nil, timeout: .seconds(60), into: sink)
                        } catch { Issue.record("\(error)") }
                    }
                    connection.disconnect()
                })
        }
        for task in tasks { await task.finished() }
        return fixture.simulation.clock.now - start
    }

    @Test(arguments: [0, 1, 5, 20, 50, 100, 200])
    func `reading ahead keeps the pace of a plain parallel download`(roundTripMilliseconds: Int) throws {
        let image = [UInt8](repeating: 7, count: 96 << 20)
        let network = ServerNetwork(
            roundTrip: .milliseconds(roundTripMilliseconds), bytesPerSecond: 125_000_000)
        let plain = try Simulation(seed: 1).run { simulation in
            try await Self.plainDownload(
                Self.fixture(simulation, image: image, network: network), byteCount: image.count)
        }
        let walk = try Simulation(seed: 1).run { simulation in
            let fixture = Self.fixture(simulation, image: image, network: network)
            let store = try await fixture.open()
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 131_072, alignment: 16)
            defer { buffer.deallocate() }
            let start = simulation.clock.now
            for offset in stride(from: 0, to: image.count, by: buffer.count) {
                try await store.read(into: buffer, at: UInt64(offset))
            }
            let time = simulation.clock.now - start
            await store.close()
            return time
        }
        let rate = { (time: Duration) in Double(image.count) / 1e6 / (time / .seconds(1)) }
        let share = plain / walk
        print(
            "round trip \(roundTripMilliseconds) ms: \(rate(walk)) MB/s, plain \(rate(plain)) MB/s, share \(share)"
        )
        #expect(share >= 0.85, "\(walk) against \(plain)")
    }

    @Test func `connections share the server's bandwidth`() throws {
        let simulation = Simulation(seed: 1)
        let time = try simulation.run { simulation in
            let fixture = Self.fixture(
                simulation, image: [UInt8](repeating: 1, count: 10 << 20),
                network: ServerNetwork(bytesPerSecond: 1 << 20))
            return try await Self.plainDownload(fixture, byteCount: 10 << 20)
        }
        // Ten megabytes at one a second, and the heads.
        #expect(time >= .seconds(10) && time < .milliseconds(10_100), "\(time)")
    }

    // MARK: Versions

    @Test(arguments: [ImageValidators.entityTagAndDate, .dateOnly])
    func `an image that is replaced is never mixed with the new one`(validators: ImageValidators) throws {
        try Simulation(seed: 1).run { simulation in
            let fixture = Self.fixture(simulation, validators: validators)
            let store = try await fixture.open()
            #expect(try await store.read(1000, at: 0) == Array(Self.image[..<1000]))
            fixture.server.archive.replace("/disk.img", withGeneration: 1)
            do throws(StorageError) {
                _ = try await store.read(1000, at: 2_000_000)
                Issue.record("another generation was read")
            } catch { #expect(error.message.contains("changed while in use"), "\(error)") }
            await store.close()
            let again = try await fixture.open()
            let bytes = try await again.read(1000, at: 2_000_000)
            let archive = fixture.server.archive
            let range = 2_000_000..<2_001_000 as Range<UInt64>
            #expect(try await archive.trueBytes(of: "/disk.img", generation: 1, range) == bytes)
            #expect(try await archive.trueBytes(of: "/disk.img", generation: 0, range) != bytes)
            #expect(try await archive.generations(of: "/disk.img", holding: bytes, at: 2_000_000) == [1])
            await again.close()
        }
    }

    @Test func `a server without validators is believed on the size alone`() throws {
        try Simulation(seed: 1).run { simulation in
            let fixture = Self.fixture(simulation, validators: .none)
            let store = try await fixture.open()
            fixture.server.archive.replace("/disk.img", withGeneration: 3)
            let bytes = try await store.read(1000, at: 2_000_000)
            #expect(
                try await fixture.server.archive.generations(of: "/disk.img", holding: bytes, at: 2_000_000)
                    == [3])
            fixture.server.archive.resize("/disk.img", to: 2_500_000)
            await #expect(throws: StorageError.self) { try await store.read(1000, at: 1_000_000) }
            await store.close()
        }
    }

    @Test func `a file keeps every generation that it had`() async throws {
        let simulation = Simulation(seed: 1)
        let fixture = Self.fixture(simulation)
        let archive = fixture.server.archive
        archive.resize("/disk.img", to: 1000)
        archive.replace("/disk.img", withGeneration: 2)
        archive.replace("/disk.img", withGeneration: 5, MemoryStore([1, 2, 3]))
        archive.resize("/disk.img", to: 5)
        let versions = archive.versions(of: "/disk.img")
        let resized = ImageArchive.firstResized
        #expect(versions.map(\.generation) == [0, resized, 2, 5, resized + 1])
        #expect(versions.map(\.store.byteCount) == [3_000_001, 1000, 3_000_001, 3, 5])
        #expect(
            try await archive.trueBytes(of: "/disk.img", generation: resized + 1, 0..<5)
                == [1, 2, 3, 0xC7, 0xC7])
        for version in versions {
            // Whoever may not suspend reads the same.
            let direct = try #require(version.store.directAccess)
            let bytes = try await version.store.read(Int(min(version.store.byteCount, 700)), at: 0)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
            defer { buffer.deallocate() }
            try direct.readNow(into: buffer, at: 0)
            #expect(Array(buffer) == bytes && direct.byteCount == version.store.byteCount)
        }
        archive.replace("/disk.img", withGeneration: 0)
        #expect(archive.current("/disk.img")?.generation == 0)
        archive.remove("/disk.img")
        #expect(archive.current("/disk.img") == nil)
        await #expect(throws: StorageError.self) {
            try await archive.trueBytes(of: "/disk.img", generation: 9, 0..<1)
        }
    }

    // MARK: Connections

    @Test func `a kept connection that went away unnoticed costs no failure`() throws {
        try Simulation(seed: 1).run { simulation in
            let fixture = Self.fixture(simulation) { $0.fetching.connections = 1 }
            let store = try await fixture.open()
            fixture.server.stop()
            fixture.server.start()
            #expect(try await store.read(10, at: 0) == Array(Self.image[..<10]))
            #expect(fixture.server.connectionCount == 2)
            await store.close()
        }
    }

    @Test func `a server that restarts is waited for`() throws {
        try Simulation(seed: 1).run { simulation in
            let fixture = Self.fixture(simulation)
            let store = try await fixture.open()
            fixture.server.stop()
            simulation.spawner.spawn("restart") {
                try? await simulation.clock.sleep(for: .seconds(7))
                fixture.server.start()
            }
            #expect(try await store.read(10, at: 0) == Array(Self.image[..<10]))
            #expect(simulation.clock.now >= .seconds(7) && simulation.clock.now < .seconds(13))
            await store.close()
        }
    }

    @Test func `a server that stands still is given up, or waited for when it goes on`() throws {
        try Simulation(seed: 1).run { simulation in
            let fixture = Self.fixture(simulation)
            let store = try await fixture.open()
            fixture.server.pause()
            simulation.spawner.spawn("resume") {
                try? await simulation.clock.sleep(for: .seconds(5))
                fixture.server.resume()
            }
            #expect(try await store.read(10, at: 0) == Array(Self.image[..<10]))
            #expect(simulation.clock.now == .seconds(5))
            fixture.server.pause()
            await #expect(throws: StorageError.self) { try await store.read(10, at: 2_900_000) }
            #expect(simulation.clock.now > .seconds(20) && simulation.clock.now <= .seconds(25))
            fixture.server.resume()
            fixture.server.dropConnections()
            #expect(try await store.read(10, at: 2_900_000) == Array(Self.image[2_900_000..<2_900_010]))
            await store.close()
        }
    }

    @Test func `a name that no server has does not exist, and another port refuses`() throws {
        try Simulation(seed: 1).run { simulation in
            let fixture = Self.fixture(simulation)
            for (url, cause) in [
                ("https://nowhere.example/disk.img", ImageError.Cause.hostNotFound),
                ("https://images.example:8443/disk.img", .connectionRefused),
                ("https://images.example/other.img", .notFound),
            ] {
                do throws(ImageError) {
                    _ = try await fixture.opener.open(
                        ImageRequest(url: url, credentials: nil, isReadWrite: false, timeout: .seconds(1)))
                    Issue.record("\(url) was opened")
                } catch { #expect(error.cause == cause, "\(url)") }
            }
        }
    }
}
