package import DBusProtocol
package import FaultPlan
package import FaultPoints
package import HostObserver
internal import MessageBus
package import RunLog
package import Scenarios
package import SimulatedBMC
internal import SimulatedNetwork
package import SimulatedTime
import Synchronization
package import VirtualMedia
package import Weaknesses

/// The whole of it in memory and in virtual time: the real service as a process of the simulation, the
/// kernel, the bus, the store, the clients of Proxy slots, and the ports of the host.
package final class SimulatedWorld: ModelledBMC {
    package let kind = Scenario.World.sim
    package let configuration: MediaConfiguration
    package let hostPorts: [String]
    package let scenario: Scenario
    package let kernel: SimulatedKernel
    package let state: WorldState
    private let simulation: Simulation
    private let bus: SimulatedBus
    private let store: SimulatedStore
    private let clients: ProxyClients
    private let sockets: MemorySockets
    private let pipes = SimulatedPipes()
    private let surroundings: NetworkSurroundings
    private let weakness: Weakness?

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
        self.weakness = weakness
        state = WorldState(recorder, serviceDied: serviceDied)
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

    // MARK: Its parts

    package var busControls: any WorldBus { bus }
    package var storeControls: any WorldStore { store }
    package var clientControls: any WorldClients { clients }
    package var openSecretCount: Int { pipes.openCount }

    package func makeService(number: Int) -> any WorldService {
        let store = self.store
        let service = SimulatedService(
            number: number, configuration, kernel: kernel, bus: bus, sockets: sockets, pipes: pipes,
            surroundings: surroundings, in: simulation, weakness: weakness, images: { store.opener(for: $0) })
        service.atDeath { [pipes] in pipes.readerDied() }
        return service
    }

    package func performOwn(_ strike: Strike) async throws(WorldFailure) -> Impact? {
        switch strike.kind {
        case "clock.freeze":
            return try await process(strike.phase == .begin ? .stop : .continue, .service, nil)
        case "clock.step":
            // Certificates are all that a wall clock decides here; durations are of another clock.
            store.setWallClock(off: Int(strike.parameters.integer("by")))
            return Impact.none
        default: return nil
        }
    }

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

    package func content(of image: String) -> (any ExpectedImage & Sendable)? {
        store.content(of: image)
    }

    package func shutDown() async {
        await state.service?.shutDown()
        state.service?.kill()
        clients.stopAll()
        await kernel.shutDown()
    }
}
