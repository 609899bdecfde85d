internal import DBusProtocol
internal import FaultPlan
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
final class EmulatedWorld: ModelledBMC, RealTimeWorld {
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
    private let folder: PrivateFolder
    private let passage: NBDPassage
    let secrets = SecretPipes()
    let state: WorldState

    static let strikes = ModelledStrikes.kinds

    /// - Parameter thread: where the kernel runs; outlives the world.
    init(
        _ resolved: Scenario.Resolved, on thread: ThreadExecutor, clock: RunClock, faults: any FaultInjector,
        recorder: RunRecorder, _ tidings: WorldTidings
    ) throws(WorldFailure) {
        let scenario = resolved.scenario
        self.scenario = scenario
        state = WorldState(recorder, serviceDied: tidings.serviceDied)
        runClock = clock
        spawner = SystemSpawner(shared: thread)
        folder = try RealTimeFolder.make()
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
            topology, in: folder, faults: faults, clock: clock, changed: tidings.imageChanged)
        passage = NBDPassage(
            scenario, configuration, seed: resolved.seed, faults: faults, clock: clock, spawner: spawner)
        clients = EmulatedClients(store, passage)
        bus = try EmulatedBus(at: folder.file("bus"), faults: faults, clock: clock, saw: tidings.saw)
    }

    // MARK: Its parts

    var busControls: any WorldBus { bus }
    var storeControls: any WorldStore { store }
    var clientControls: any WorldClients { clients }
    var openSecretCount: Int { secrets.openCount }

    func makeService(number: Int) -> any WorldService {
        let store = self.store
        return EmulatedService(
            number: number, configuration, kernel: kernel, bus: bus, passage: passage,
            images: { store.opener(for: $0) })
    }

    func performOwn(_ strike: Strike) async throws(WorldFailure) -> Impact? { nil }

    // MARK: For clients and the host

    /// Where any D-Bus program finds the service.
    var busAddress: String { bus.address }

    func shutDown() async {
        await state.service?.shutDown()
        await takeDown()
    }

    /// Everything ends at once, in whatever state it is.
    func takeDown() async {
        // Its death is no event of the run any more.
        state.service?.kill()
        clients.stopAll()
        await store.shutDown()
        bus.stop()
        await kernel.shutDown()
        folder.remove()
    }
}
