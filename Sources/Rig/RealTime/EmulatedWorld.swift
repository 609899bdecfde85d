internal import DBusProtocol
internal import FaultPoints
internal import HostObserver
internal import LinuxPlatform
internal import RunLog
internal import Scenarios
internal import SimulatedBMC
import Synchronization
internal import USBMassStorage
internal import VirtualMedia
internal import Worlds

/// The same service on the real clock: bus, store, NBD servers and their sockets are real, and anybody on this
/// machine can look at them; configfs, uevents, the nbd driver and the USB gadget are the simulated kernel's, in
/// real time. What it can do is declared in ``EmulatedCapabilities``.
final class EmulatedWorld: World {
    private static let lunPath = "functions/mass_storage.usb0/lun.0"

    let kind = Scenario.World.emulated
    let configuration: MediaConfiguration
    let hostPorts: [String]
    /// Runs the kernel, and everything of the rig that watches it: so nothing that the kernel says is overtaken by
    /// what it says next.
    let spawner: any Spawner
    var clock: any MediaClock { runClock }
    let scenario: Scenario
    let runClock: RunClock
    let kernel: SimulatedKernel
    let bus: EmulatedBus
    let store: EmulatedStore
    let clients: EmulatedClients
    let recorder: RunRecorder
    let changes = Mutex(Changes())
    private let folder: RunFolder
    private let passage: NBDPassage
    private let secrets = SecretPipes()
    private let serviceDied: @Sendable () -> Void
    private let service = Mutex<EmulatedService?>(nil)
    private let serviceCount = Mutex(0)

    /// What actions have changed and must be able to change back.
    struct Changes {
        /// By slot: the port whose cable was pulled.
        var unplugged: [String: String] = [:]
        /// By fault: the controller that went.
        var lostControllers: [String: String] = [:]
        var hasPower = true
    }

    /// - Parameters:
    ///   - thread: where the kernel runs; outlives the world.
    ///   - saw: is shown each message that enters the bus, before any fault touches it.
    ///   - imageChanged: is told the name of an image of which the store has another version.
    ///   - serviceDied: is told that the service was killed.
    init(
        _ resolved: Scenario.Resolved, on thread: ThreadExecutor, clock: RunClock, faults: any FaultInjector,
        recorder: RunRecorder, saw: @escaping @Sendable (Envelope) -> Void,
        imageChanged: @escaping @Sendable (_ image: String) -> Void,
        serviceDied: @escaping @Sendable () -> Void
    ) throws(WorldFailure) {
        let scenario = resolved.scenario
        self.scenario = scenario
        self.recorder = recorder
        self.serviceDied = serviceDied
        runClock = clock
        spawner = SystemSpawner(shared: thread)
        folder = try RunFolder()
        let topology = scenario.topology
        var configuration = topology.mediaConfiguration
        for index in configuration.slots.indices where configuration.slots[index].mode == .proxy {
            configuration.slots[index].socket = folder.file("nbd\(index).sock")
        }
        self.configuration = configuration
        hostPorts = topology.chips.flatMap(\.ports).map(\.name)
        kernel = SimulatedKernel(
            executor: thread, clock: clock, spawner: spawner, profile: topology.kernelProfile,
            controllers: topology.chips, faults: faults)
        store = try EmulatedStore(
            topology, in: folder, faults: faults, clock: clock, changed: imageChanged)
        passage = NBDPassage(
            scenario, configuration, seed: resolved.seed, faults: faults, clock: clock, spawner: spawner)
        clients = EmulatedClients(store, passage)
        bus = try EmulatedBus(at: folder.file("bus"), faults: faults, clock: clock, saw: saw)
    }

    // MARK: Set-up

    func start() async throws(WorldFailure) {
        for (port, function) in scenario.topology.occupiedPorts {
            do throws(SystemError) { try await kernel.occupyController(port, by: function) } catch {
                throw WorldFailure("port \(port): \(error)")
            }
        }
        if scenario.topology.host.isPresent {
            for port in hostPorts { await kernel.attachHost(to: port) }
        }
        startService()
        do throws(BusError) { try await bus.waitForService() } catch {
            throw WorldFailure("the service did not come up: \(error)")
        }
    }

    func startService() {
        let number = serviceCount.withLock { count in
            count += 1
            return count
        }
        let store = self.store
        let started = EmulatedService(
            number: number, configuration, kernel: kernel, bus: bus, passage: passage,
            images: { store.opener(for: $0) })
        service.withLock { $0 = started }
        recorder.record(.process, "service started", detail: "\(number)")
        started.process.atDeath { [serviceDied, recorder] in
            recorder.record(.process, "service died", detail: "\(number)")
            serviceDied()
        }
    }

    var runningService: EmulatedService? { service.withLock { $0 } }

    // MARK: For clients and the host

    /// Where any D-Bus program finds the service.
    var busAddress: String { bus.address }

    func connectClient() async throws(BusError) -> any BusConnection { try await bus.connect() }

    func secretPipe(user: String, password: String) throws(WorldFailure) -> PassedDescriptor {
        try secrets.pipe(user: user, password: password)
    }

    func offer(_ image: String, to slot: SlotConfiguration, isReadWrite: Bool)
        async throws(WorldFailure) -> String
    {
        guard slot.mode == .proxy else { return store.url(of: image) }
        try clients.serve(image, at: slot, isReadWrite: isReadWrite)
        return ""
    }

    func device(on port: String, timeout: Duration) async throws(USBTransferError) -> any HostDevice {
        try await kernel.device(on: port, timeout: timeout)
    }

    func content(of image: String) -> (any ExpectedImage & Sendable)? {
        store.content(of: image)
    }

    // MARK: What is there

    func inspect(_ slot: SlotConfiguration) async -> SlotInspection {
        let found = await kernel.inspect(gadget: slot.gadgetName, lun: Self.lunPath, device: slot.device)
        var inspection = SlotInspection()
        inspection.backingFile = found.backingFile
        inspection.isReadOnly = found.isReadOnly
        inspection.isCDROM = found.isCDROM
        inspection.controller = found.controller
        inspection.device = found.device
        return inspection
    }

    func leftovers(of slot: SlotConfiguration) async -> [String] {
        let found = await inspect(slot)
        var left: [String] = []
        if found.backingFile != nil { left.append("gadget \(slot.gadgetName)") }
        if let device = found.device {
            if device.isAttached { left.append("\(slot.device) attached") }
            if device.byteCount > 0 { left.append("\(slot.device) with \(device.byteCount) bytes") }
        }
        if runningService?.exports.running.contains(slot.name) == true {
            left.append("NBD server of \(slot.name)")
        }
        let pipes = secrets.openCount
        if pipes > 0 { left.append("\(pipes) descriptors of pipes with secrets") }
        return left
    }

    func repair() async {
        store.recover()
        let present = ((try? await kernel.controllers()) ?? []).map(\.name)
        for port in hostPorts where !present.contains(port) { await kernel.addController(port) }
        if runningService?.process.isAlive != true { startService() }
        try? await bus.waitForService()
    }

    func shutDown() async {
        await runningService?.shutDown()
        await takeDown()
    }

    /// Everything ends at once, in whatever state it is.
    func takeDown() async {
        // Its death is no event of the run any more.
        runningService?.process.kill()
        clients.stopAll()
        await store.shutDown()
        bus.stop()
        await kernel.shutDown()
        folder.remove()
    }
}
