internal import BlockStorage
internal import DBusProtocol
internal import MessageBus
internal import SimulatedBMC
internal import SimulatedNetwork
internal import SimulatedTime
import Synchronization
internal import VirtualMedia
internal import Weaknesses

/// The virtual media service as a process of the simulation: it can be stopped and killed at any moment,
/// and what it had open closes with it.
final class SimulatedService: WorldService {
    /// Before the process connects to a bus again that has gone.
    static let reconnectPause = Duration.seconds(1)

    private let process: SimulatedProcess
    private let exports: MemoryExportServer
    private let sockets: OwnedSockets
    private let service: VirtualMediaService
    private let connection = Mutex<WiredBusConnection?>(nil)

    /// - Parameters:
    ///   - weakness: a mistake that it is to have, to see whether it is found.
    ///   - images: makes the opener of images, given this process's spawner.
    init(
        number: Int, _ configuration: MediaConfiguration, kernel: SimulatedKernel, bus: SimulatedBus,
        sockets: MemorySockets, pipes: SimulatedPipes, surroundings: NetworkSurroundings,
        in simulation: Simulation, weakness: Weakness?, images: (any Spawner) -> any ImageOpener
    ) {
        let process = simulation.process("virtual-mediad \(number)")
        self.process = process
        var own = surroundings
        own.spawner = process.spawner
        let exports = MemoryExportServer(own)
        self.exports = exports
        let ownedSockets = OwnedSockets(sockets)
        self.sockets = ownedSockets
        let weak = WeakService(
            MediaPlatform(
                gadgets: kernel, controllers: kernel, nbd: OwnedNBD(kernel, ownedSockets), uevents: kernel,
                sockets: ownedSockets, exports: exports, images: images(process.spawner),
                clock: simulation.clock, spawner: process.spawner, secrets: pipes), weakness)
        service = VirtualMediaService(
            configuration, on: weak.platform, machineID: SimulatedBus.machineID, deciding: weak.decisions)
        let slots = configuration.slots.map(\.name)
        process.atDeath { [self] in
            for slot in slots { exports.server(of: slot)?.kill() }
            ownedSockets.closeAll()
            connection.withLock { $0 }?.end()
        }
        let service = self.service
        let clock = simulation.clock
        process.spawner.spawn("main") { [weak self] in
            while let self {
                do throws(BusError) {
                    let connection = try await bus.connect()
                    self.connection.withLock { $0 = connection }
                    try await service.serve(on: weak.connection(connection))
                } catch { bus.noteFailure(error) }
                // Cancelled: without this a process that is told to end would connect for ever.
                guard (try? await clock.sleep(until: clock.now + Self.reconnectPause)) != nil else { return }
            }
        }
    }

    var isAlive: Bool { process.isAlive }
    var servedSlots: [String] { exports.running }
    func kill() { process.kill() }
    func pause() { process.pause() }
    func resume() { process.resume() }
    func atDeath(_ body: @escaping @Sendable () -> Void) { process.atDeath(body) }
    func killServer(of slot: String) { exports.server(of: slot)?.kill() }
    func hangUpServer(of slot: String) { exports.server(of: slot)?.loseConnections() }
    func shutDown() async { await service.shutDown() }
}

/// Closes with its process whatever that connected and has not handed to the kernel.
final class OwnedSockets: LocalSockets {
    private let sockets: MemorySockets
    private let open = Mutex<[any ByteChannel]>([])

    init(_ sockets: MemorySockets) { self.sockets = sockets }

    func connect(to path: String) async throws(SystemError) -> any ByteChannel {
        let channel = try await sockets.connect(to: path)
        open.withLock { $0.append(channel) }
        return channel
    }

    /// The kernel keeps them open, whatever becomes of the process.
    func handOver(_ channels: [any ByteChannel]) {
        open.withLock { open in open.removeAll { one in channels.contains { $0 === one } } }
    }

    func closeAll() {
        let channels = open.withLock { open in
            defer { open = [] }
            return open
        }
        for channel in channels { channel.close() }
    }
}

/// The nbd driver as one process sees it.
struct OwnedNBD: NBDDriver {
    private let kernel: SimulatedKernel
    private let sockets: OwnedSockets

    init(_ kernel: SimulatedKernel, _ sockets: OwnedSockets) {
        self.kernel = kernel
        self.sockets = sockets
    }

    func attach(_ attachment: NBDAttachment, connections: [any ByteChannel]) async throws(SystemError) {
        try await kernel.attach(attachment, connections: connections)
        sockets.handOver(connections)
    }

    func reconfigure(_ device: String, connections: [any ByteChannel]) async throws(SystemError) {
        try await kernel.reconfigure(device, connections: connections)
        sockets.handOver(connections)
    }

    func detach(_ device: String) async throws(SystemError) { try await kernel.detach(device) }

    func status(of device: String) async throws(SystemError) -> NBDDeviceStatus {
        try await kernel.status(of: device)
    }

    func read(_ byteCount: Int, at offset: UInt64, from device: String) async throws(SystemError) -> [UInt8] {
        try await kernel.read(byteCount, at: offset, from: device)
    }

    func flush(_ device: String) async throws(SystemError) { try await kernel.flush(device) }
    func dropCache(of device: String) async throws(SystemError) { try await kernel.dropCache(of: device) }
    func events() async -> AsyncStream<NBDDriverEvent> { await kernel.events() }
}
