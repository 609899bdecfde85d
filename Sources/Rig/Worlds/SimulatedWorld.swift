package import DBusProtocol
internal import FaultPlan
package import FaultPoints
package import HostObserver
internal import MessageBus
package import RunLog
package import Scenarios
internal import SimulatedBMC
internal import SimulatedNetwork
package import SimulatedTime
import Synchronization
package import USBMassStorage
package import VirtualMedia
package import Weaknesses

/// The whole of it in memory and in virtual time: the real service as a process of the simulation, the
/// kernel, the bus, the store, the clients of Proxy slots, and the ports of the host.
package final class SimulatedWorld: World {
    private static let lunPath = "functions/mass_storage.usb0/lun.0"

    package let kind = Scenario.World.sim
    package let configuration: MediaConfiguration
    package let hostPorts: [String]
    let scenario: Scenario
    let simulation: Simulation
    let kernel: SimulatedKernel
    let bus: SimulatedBus
    let store: SimulatedStore
    let clients: ProxyClients
    let sockets: MemorySockets
    let recorder: RunRecorder
    let changes = Mutex(Changes())
    private let pipes = SimulatedPipes()
    private let surroundings: NetworkSurroundings
    private let weakness: Weakness?
    private let serviceDied: @Sendable () -> Void
    private let service = Mutex<SimulatedService?>(nil)
    private let serviceCount = Mutex(0)

    /// What actions have changed and must be able to change back.
    struct Changes {
        /// By slot: the port whose cable was pulled.
        var unplugged: [String: String] = [:]
        /// By fault: the controller that went.
        var lostControllers: [String: String] = [:]
        var hasPower = true
    }

    package var clock: any MediaClock { simulation.clock }
    package var spawner: any Spawner { simulation.spawner }

    /// - Parameters:
    ///   - weakness: a mistake that the service is to have.
    ///   - saw: is shown each message that enters the bus, before any fault touches it.
    ///   - imageChanged: is told the name of an image of which the store has another version.
    ///   - serviceDied: is told that the service was killed.
    package init(
        _ scenario: Scenario, in simulation: Simulation, faults: any FaultInjector, recorder: RunRecorder,
        weakness: Weakness? = nil, saw: @escaping @Sendable (Envelope) -> Void,
        imageChanged: @escaping @Sendable (_ image: String) -> Void,
        serviceDied: @escaping @Sendable () -> Void
    ) throws(WorldFailure) {
        self.scenario = scenario
        self.simulation = simulation
        self.recorder = recorder
        self.weakness = weakness
        self.serviceDied = serviceDied
        let topology = scenario.topology
        configuration = topology.mediaConfiguration
        hostPorts = topology.chips.flatMap(\.ports).map(\.name)
        surroundings = NetworkSurroundings(simulation, faults: faults)
        sockets = MemorySockets(surroundings)
        kernel = SimulatedKernel(
            executor: simulation.executor, clock: simulation.clock, spawner: simulation.spawner,
            profile: topology.kernelProfile, controllers: topology.chips, faults: faults)
        bus = SimulatedBus(in: simulation, faults: faults, saw: saw)
        store = try SimulatedStore(topology, in: simulation, faults: faults, changed: imageChanged)
        clients = ProxyClients(topology, sockets: sockets, surroundings, in: simulation)
    }

    // MARK: Set-up

    package func start() async throws(WorldFailure) {
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
        let started = SimulatedService(
            number: number, configuration, kernel: kernel, bus: bus, sockets: sockets, pipes: pipes,
            surroundings: surroundings, in: simulation, weakness: weakness, images: { store.opener(for: $0) })
        service.withLock { $0 = started }
        recorder.record(.process, "service started", detail: "\(number)")
        started.process.atDeath { [serviceDied, recorder, pipes] in
            pipes.readerDied()
            recorder.record(.process, "service died", detail: "\(number)")
            serviceDied()
        }
    }

    var runningService: SimulatedService? { service.withLock { $0 } }

    // MARK: For clients and the host

    package func connectClient() async throws(BusError) -> any BusConnection { try await bus.connect() }

    package func secretPipe(user: String, password: String) throws(WorldFailure) -> PassedDescriptor {
        pipes.pipe(holding: Array(user.utf8) + [0] + Array(password.utf8) + [0])
    }

    package func offer(_ image: String, to slot: SlotConfiguration, isReadWrite: Bool)
        async throws(WorldFailure) -> String
    {
        guard slot.mode == .proxy else { return store.url(of: image) }
        guard let bytes = store.bytes(of: image) else { throw WorldFailure("there is no image \(image)") }
        try clients.serve(image, bytes, at: slot, isReadWrite: isReadWrite)
        return ""
    }

    package func device(on port: String, timeout: Duration) async throws(USBTransferError) -> any HostDevice {
        try await kernel.device(on: port, timeout: timeout)
    }

    package func content(of image: String) -> (any ExpectedImage & Sendable)? {
        store.content(of: image)
    }

    // MARK: What is there

    package func inspect(_ slot: SlotConfiguration) async -> SlotInspection {
        let found = await kernel.inspect(gadget: slot.gadgetName, lun: Self.lunPath, device: slot.device)
        var inspection = SlotInspection()
        inspection.backingFile = found.backingFile
        inspection.isReadOnly = found.isReadOnly
        inspection.isCDROM = found.isCDROM
        inspection.controller = found.controller
        inspection.device = found.device
        return inspection
    }

    package func leftovers(of slot: SlotConfiguration) async -> [String] {
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
        if pipes.openCount > 0 { left.append("\(pipes.openCount) pipes with secrets") }
        return left
    }

    package func repair() async {
        store.setWallClock(off: 0)
        let present = ((try? await kernel.controllers()) ?? []).map(\.name)
        for port in hostPorts where !present.contains(port) { await kernel.addController(port) }
        if runningService?.process.isAlive != true { startService() }
        try? await bus.waitForService()
    }

    package func shutDown() async {
        await runningService?.shutDown()
        runningService?.process.kill()
        clients.stopAll()
        await kernel.shutDown()
    }
}

extension SimulatedUSBConnection: HostDevice {}
