import BlockStorage
import BusServer
import DBusProtocol
import LinuxPlatform
import SimulatedBMC
import TestSupport
import Verification
import VirtualMedia

/// The virtual media service around a kernel in memory, on any bus: as virtual-mediad is on one with nbd and a gadget.
final class ServiceOnBus: Sendable {
    private let service: VirtualMediaService
    private let connection: WiredBusConnection
    private let kernel: SimulatedKernel
    private let thread: ThreadExecutor
    private let serving: any SpawnedTask

    init(_ address: String, in folder: TemporaryFolder) async throws {
        let (clock, spawner) = (SystemClock(), SystemSpawner())
        let thread = ThreadExecutor(name: "kernel")
        let controllers = EmulatedBMC.controllers
        let kernel = SimulatedKernel(
            executor: thread, clock: clock, spawner: spawner, profile: .linux6_12, controllers: controllers)
        for port in controllers.flatMap(\.ports) { await kernel.attachHost(to: port.name) }
        var proxy = SlotConfiguration(name: "Slot_0", mode: .proxy, device: "nbd0")
        (proxy.socket, proxy.endpoint) = (folder.file("nbd0"), "/nbd/0")
        let legacy = SlotConfiguration(name: "Slot_1", mode: .legacy, device: "nbd1")
        let service = VirtualMediaService(
            MediaConfiguration(slots: [proxy, legacy]),
            on: MediaPlatform(
                gadgets: kernel, controllers: kernel, nbd: kernel, uevents: kernel, sockets: SystemSockets(),
                exports: SocketExportServer(), images: PatternImages(), clock: clock, spawner: spawner,
                secrets: PipeSecretReader()),
            machineID: BusIdentity.machine())
        await service.start()
        let connection = try await SocketBusConnection.connect(to: address)
        serving = spawner.spawn("service", .shared) { try? await service.serve(on: connection) }
        (self.service, self.connection, self.kernel, self.thread) = (service, connection, kernel, thread)
    }

    /// Gone from the bus at once, as a process that is killed; what it held is taken down afterwards.
    func crash() async {
        await connection.close()
        await serving.finished()
        await service.shutDown()
        await kernel.shutDown()
        thread.stop()
    }
}

/// Images of a megabyte, whatever they are called; but "missing" is not there.
struct PatternImages: ImageOpener {
    func open(_ request: ImageRequest) async throws(ImageError) -> any BlockStore {
        guard !request.url.contains("missing") else { throw ImageError(.notFound, "no such image") }
        return MemoryStore(TemporaryFolder.pattern(1 << 20), isReadOnly: true)
    }
}
