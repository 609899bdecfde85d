internal import BlockStorage
internal import FaultPoints
internal import HTTPRanges
internal import HostObserver
internal import RemoteImages
internal import Scenarios
internal import SimulatedHTTP
internal import SimulatedTime
import Synchronization
internal import VirtualMedia

/// The remote store of a simulated world: an HTTPS server in memory with the scenario's images, and the
/// service's own image source on the way to it.
final class SimulatedStore: WorldStore {
    private let server: SimulatedImageServer
    private let simulation: Simulation
    private let topology: Scenario.Topology
    /// Generations given out so far: each change makes one.
    private let generation = Mutex(0)

    private let changed: @Sendable (_ image: String) -> Void

    /// - Parameter changed: is told of each new version in the moment in which it is there.
    init(
        _ topology: Scenario.Topology, in simulation: Simulation, faults: any FaultInjector,
        changed: @escaping @Sendable (_ image: String) -> Void
    ) throws(WorldFailure) {
        self.simulation = simulation
        self.changed = changed
        self.topology = topology
        var configuration = SimulatedImageServer.Configuration()
        configuration.network.roundTrip = topology.store.roundTrip
        configuration.network.bytesPerSecond = topology.store.bytesPerSecond.map { Int(clamping: $0) }
        if let user = topology.store.user, let password = topology.store.password {
            configuration.credentials = BasicCredentials(user: user, password: password)
        }
        if !topology.store.hasRanges {
            configuration.planner = { _ in .but { $0.ignoresRange = true } }
        }
        server = SimulatedImageServer(
            configuration, clock: simulation.clock, spawner: simulation.spawner, faults: faults)
        for image in topology.images {
            server.publish(
                try ImageContent.bytes(of: image), at: Self.path(image.name), validators: validators)
        }
    }

    private static func path(_ image: String) -> String { "/\(image)" }

    private var validators: ImageValidators {
        switch topology.store.versions {
        case .entityTag: .entityTagAndDate
        case .modificationTime: .dateOnly
        case .none: .none
        }
    }

    func url(of image: String) -> String { server.url(Self.path(image)) }

    /// The service's way to the store, its tasks started by that process.
    func opener(for spawner: any Spawner) -> any ImageOpener {
        RemoteImageOpener(
            connector: SimulatedRangeConnector(to: server), clock: simulation.clock, spawner: spawner,
            random: simulation.random.stream("image source"))
    }

    // MARK: What is on it

    /// As it is now; `nil` once removed.
    func content(of image: String) -> (any ExpectedImage & Sendable)? {
        server.archive.current(Self.path(image))?.store.directAccess.map(ExpectedStore.init)
    }

    func bytes(of image: String) -> [UInt8]? {
        guard let store = server.archive.current(Self.path(image))?.store.directAccess else { return nil }
        return [UInt8](unsafeUninitializedCapacity: Int(store.byteCount)) { buffer, count in
            count =
                (try? store.readNow(into: UnsafeMutableRawBufferPointer(buffer), at: 0)) == nil
                ? 0 : buffer.count
        }
    }

    func change(_ change: Scenario.Step.ImageChange) throws(WorldFailure) {
        guard let image = topology.image(change.image) else {
            throw WorldFailure("there is no image \(change.image)")
        }
        let path = Self.path(image.name)
        switch change.kind {
        case .replace:
            let next = nextGeneration()
            server.archive.replace(
                path, withGeneration: next,
                MemoryStore(try ImageContent.bytes(of: image, seed: change.seed), isReadOnly: true))
        case .resize:
            guard let byteCount = change.byteCount, byteCount <= ImageContent.maximumByteCount else {
                throw WorldFailure("image \(image.name): no size that fits in memory to resize to")
            }
            let next = nextGeneration()
            server.archive.replace(
                path, withGeneration: next,
                MemoryStore(try resized(image, to: Int(byteCount)), isReadOnly: true))
        case .remove: server.archive.remove(path)
        case .restore: server.archive.replace(path, withGeneration: 0)
        }
        changed(image.name)
    }

    private func nextGeneration() -> Int {
        generation.withLock { generation in
            generation += 1
            return generation
        }
    }

    /// What stays is the same.
    private func resized(_ image: Scenario.Image, to byteCount: Int) throws(WorldFailure) -> [UInt8] {
        let bytes = try ImageContent.bytes(of: image)
        guard byteCount > bytes.count else { return Array(bytes.prefix(byteCount)) }
        var longer = image
        longer.byteCount = UInt64(byteCount)
        return bytes + (try ImageContent.bytes(of: longer))[bytes.count...]
    }

    // MARK: What befalls it

    /// For how long the server's certificate is valid before and after the start of a run.
    private static let validity = -30 * 86_400...365 * 86_400

    /// The service's wall clock is so many seconds off, which its certificates are judged by.
    func setWallClock(off seconds: Int) {
        server.certificate =
            seconds < Self.validity.lowerBound
            ? .notYetValid : seconds > Self.validity.upperBound ? .expired : nil
    }

    func recover() { setWallClock(off: 0) }

    func setRunning(_ isRunning: Bool) { if isRunning { server.start() } else { server.stop() } }

    func dropConnections() {
        server.stop()
        server.start()
    }

    func setPaused(_ isPaused: Bool) {
        server.network.roundTrip = isPaused ? Self.never : topology.store.roundTrip
    }

    /// Longer than any run.
    private static let never = Duration.seconds(365 * 86_400)
}

/// The bytes of a store that answers at once.
private final class ExpectedStore: ExpectedImage, Sendable {
    private let store: any DirectBlockStore
    var byteCount: UInt64 { store.byteCount }

    init(_ store: any DirectBlockStore) { self.store = store }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ObserverError) -> Int {
        guard offset < byteCount else { return 0 }
        let count = Int(min(UInt64(buffer.count), byteCount - offset))
        do throws(StorageError) {
            try store.readNow(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset)
        } catch { throw .expectedImage(error.description) }
        return count
    }
}
