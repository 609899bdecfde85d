internal import BusServer
internal import DBusProtocol
internal import LinuxPlatform
internal import SimulatedBMC
import Synchronization
internal import VirtualMedia
internal import Worlds

/// The virtual media service as a process of an emulated world: it can be stopped and killed at any moment, and
/// what it had open closes with it.
final class EmulatedService: WorldService {
    /// Before the process connects to a bus again that has gone.
    static let reconnectPause = Duration.seconds(1)

    private let process: EmulatedProcess
    private let exports: ProcessExports
    private let sockets: ProcessSockets
    private let service: VirtualMediaService
    private let connection = Mutex<WiredBusConnection?>(nil)

    /// - Parameter images: makes the opener of images, given this process's spawner.
    init(
        number: Int, _ configuration: MediaConfiguration, kernel: SimulatedKernel, bus: EmulatedBus,
        passage: NBDPassage, images: (any Spawner) -> any ImageOpener
    ) {
        let process = EmulatedProcess("virtual-mediad \(number)")
        let clock = passage.surroundings.clock
        let sockets = ProcessSockets { path throws(SystemError) in try await passage.connect(to: path) }
        let exports = ProcessExports(sockets, passage, by: process.spawner)
        let ports = ProcessKernel(
            kernel: kernel, process: process, sockets: sockets, spawner: passage.surroundings.spawner)
        self.process = process
        self.sockets = sockets
        self.exports = exports
        service = VirtualMediaService(
            configuration,
            on: MediaPlatform(
                gadgets: ports, controllers: ports, nbd: ports, uevents: ports, sockets: sockets,
                exports: exports, images: images(process.spawner), clock: clock, spawner: process.spawner,
                secrets: PipeSecretReader()),
            machineID: BusIdentity.machine())
        process.atDeath { [self] in
            exports.killAll()
            sockets.closeAll()
            guard let connection = connection.withLock({ $0 }) else { return }
            // Nothing that it has said and nobody has read yet may come after its death.
            bus.cut(connection.uniqueName)
            connection.end()
        }
        let service = self.service
        process.spawner.spawn("main", .shared) { [weak self] in
            while let self {
                do throws(BusError) {
                    let connection = try await bus.connect()
                    self.connection.withLock { $0 = connection }
                    try await service.serve(on: connection)
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
    func killServer(of slot: String) { exports.kill(slot) }
    func hangUpServer(of slot: String) { exports.hangUp(slot) }

    /// By the process itself.
    func shutDown() async {
        guard process.isAlive else { return }
        let service = self.service
        await process.spawner.spawn("shut down", .shared) { await service.shutDown() }.finished()
    }
}
