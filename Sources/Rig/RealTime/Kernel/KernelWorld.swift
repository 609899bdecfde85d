internal import DBusProtocol
internal import FaultPlan
internal import FaultPoints
internal import HostObserver
internal import KernelDevices
internal import LinuxPlatform
internal import RunLog
internal import Scenarios
import Synchronization
internal import USBMassStorage
internal import VirtualMachine
internal import VirtualMedia
internal import Worlds

/// The service as it ships, a process of its own, on this machine's kernel: nbd, configfs and the controllers of
/// dummy_hcd, whose host side is here too. Bus, store and clients are those of the emulated world. What it can do is
/// declared in ``KernelCapabilities``.
final class KernelWorld: RealTimeWorld {
    private static let lunPath = "functions/mass_storage.usb0/lun.0"

    let kind = Scenario.World.kernel
    let configuration: MediaConfiguration
    let hostPorts: [String]
    /// A reset of the port, the kernel's part of the enumeration, and ours; 0.3 s where the processor is emulated.
    let acquaintanceTime = Duration.seconds(3)
    let spawner: any Spawner
    var clock: any MediaClock { runClock }
    let scenario: Scenario
    let runClock: RunClock
    let bus: EmulatedBus
    let store: EmulatedStore
    let clients: EmulatedClients
    let state: KernelWorldState
    private let daemon: String
    private let folder: PrivateFolder
    let secrets = SecretPipes()
    private let ports: [String: KernelHostPort]
    private let tree = ConfigFSGadgetTree()
    private let driver = KernelNBDDriver()
    private let foreign: [(port: String, gadget: ForeignGadget)]

    /// - Parameters:
    ///   - thread: where the rig's own tasks run; outlives the world.
    ///   - daemon: the program `virtual-mediad`.
    init(
        _ resolved: Scenario.Resolved, on thread: ThreadExecutor, clock: RunClock, faults: any FaultInjector,
        recorder: RunRecorder, _ tidings: WorldTidings, daemon: String
    ) throws(WorldFailure) {
        let scenario = resolved.scenario
        let topology = scenario.topology
        self.scenario = scenario
        self.daemon = daemon
        runClock = clock
        spawner = SystemSpawner(shared: thread)
        folder = try RealTimeFolder.make()
        state = KernelWorldState(recorder, tidings)
        var configuration = topology.mediaConfiguration
        for index in configuration.slots.indices where configuration.slots[index].mode == .proxy {
            configuration.slots[index].socket = folder.file("nbd\(index).sock")
        }
        // Others on this machine are none of the scenario's.
        let names = topology.chips.flatMap(\.ports).map(\.name)
        for index in configuration.slots.indices where configuration.slots[index].controllers.isEmpty {
            configuration.slots[index].controllers = names
        }
        self.configuration = configuration
        hostPorts = names
        ports = Dictionary(names.compactMap { name in KernelHostPort(name).map { (name, $0) } }) { $1 }
        foreign = topology.occupiedPorts.map { ($0.port, ForeignGadget($0.function)) }
        store = try EmulatedStore(
            topology, in: folder, faults: faults, clock: clock, changed: tidings.imageChanged)
        let passage = NBDPassage(
            scenario, configuration, seed: resolved.seed, faults: faults, clock: clock, spawner: spawner)
        clients = EmulatedClients(store, passage)
        bus = try EmulatedBus(at: folder.file("bus"), faults: faults, clock: clock, saw: tidings.saw)
        do throws(RigFailure) {
            try FileAccess.write(ServiceDocument.text(configuration), to: configurationPath)
        } catch { throw WorldFailure("\(error)") }
    }

    private var configurationPath: String { folder.file("virtual-media.json") }
    private var logPath: String { folder.file("service.log") }

    // MARK: Set-up

    func start() async throws(WorldFailure) {
        KernelHost.setDriving(false)
        for (port, gadget) in foreign {
            do throws(SystemError) { try await gadget.bind(to: port) } catch {
                throw WorldFailure("port \(port): \(error)")
            }
        }
        for port in ports.values { port.setPower(scenario.topology.host.isPresent) }
        try startService()
        do throws(BusError) { try await bus.waitForService() } catch {
            throw WorldFailure(
                "the service did not come up: \(error)\n\(RunningMachine.lastWords(of: logPath))")
        }
    }

    func startService() throws(WorldFailure) {
        state.began(
            try KernelService(
                daemon, configuration: configurationPath, bus: bus.address,
                certificate: store.certificatePath, scratch: folder.path, log: logPath, secrets: secrets))
    }

    // MARK: For the host

    func device(on port: String, timeout: Duration) async throws(USBTransferError) -> any HostDevice {
        guard let port = ports[port] else { throw .timedOut }
        return try await port.connect(timeout: timeout, clock: clock)
    }

    func setPower(of port: String, _ isOn: Bool) { ports[port]?.setPower(isOn) }

    // MARK: What is there

    func inspect(_ slot: SlotConfiguration) async -> SlotInspection {
        let lun = "\(slot.gadgetName)/\(Self.lunPath)"
        var inspection = SlotInspection()
        inspection.backingFile = try? await tree.read("\(lun)/file")
        inspection.isReadOnly = (try? await tree.read("\(lun)/ro")) == "1"
        inspection.isCDROM = (try? await tree.read("\(lun)/cdrom")) == "1"
        inspection.controller = (try? await tree.read("\(slot.gadgetName)/UDC")) ?? ""
        inspection.device = try? await driver.status(of: slot.device)
        return inspection
    }

    func leftovers(of slot: SlotConfiguration) async -> [String] {
        let found = await inspect(slot)
        var left: [String] = []
        if let gadgets = try? await tree.list(""), gadgets.contains(slot.gadgetName) {
            left.append("gadget \(slot.gadgetName)")
        }
        if let device = found.device {
            if device.isAttached { left.append("\(slot.device) attached") }
            if device.byteCount > 0 { left.append("\(slot.device) with \(device.byteCount) bytes") }
        }
        let pipes = secrets.openCount + (state.service?.openSecretCount ?? 0)
        if pipes > 0 { left.append("\(pipes) descriptors of pipes with secrets") }
        return left
    }

    func repair() async {
        store.recover()
        if state.service?.isAlive != true { try? startService() }
        try? await bus.waitForService()
    }

    // MARK: The end

    func shutDown() async {
        await state.service?.shutDown()
        await takeDown()
    }

    func takeDown() async {
        // Its death is no event of the run any more.
        state.end()
        clients.stopAll()
        await store.shutDown()
        bus.stop()
        for (_, gadget) in foreign { await gadget.remove() }
        for port in ports.values { port.setPower(true) }
        KernelHost.setDriving(true)
        folder.remove()
    }
}

/// What becomes of a world on a kernel in the course of a run.
final class KernelWorldState: Sendable {
    private struct Content {
        var service: KernelService?
        var count = 0
        /// By slot: the port whose cable was pulled.
        var unplugged: [String: String] = [:]
        var isOver = false
    }

    private let recorder: RunRecorder
    private let tidings: WorldTidings
    private let content = Mutex(Content())

    init(_ recorder: RunRecorder, _ tidings: WorldTidings) {
        self.recorder = recorder
        self.tidings = tidings
    }

    var service: KernelService? { content.withLock { $0.service } }

    func began(_ service: KernelService) {
        let number = content.withLock { content in
            content.service = service
            content.count += 1
            return content.count
        }
        recorder.record(.process, "service started", detail: "\(number)")
        service.atDeath { [self] in
            guard !content.withLock({ $0.isOver }) else { return }
            recorder.record(.process, "service died", detail: "\(number)")
            tidings.serviceDied()
        }
    }

    func unplugged(_ port: String, of slot: String) { content.withLock { $0.unplugged[slot] = port } }
    func pluggedIn(_ slot: String) -> String? { content.withLock { $0.unplugged.removeValue(forKey: slot) } }

    /// Nothing that happens from now on is told.
    func end() {
        let service = content.withLock { content in
            content.isOver = true
            return content.service
        }
        service?.kill()
    }
}
