internal import DBusProtocol
internal import FaultPoints
internal import MessageBus
internal import SimulatedTime
import Synchronization
internal import VirtualMedia

/// The message bus of a simulated world, and what it shows to a watcher.
final class SimulatedBus: WorldBus {
    static let machineID = String(repeating: "0", count: 31) + "1"
    private static let credentials = PeerCredentials(userID: 0, processID: 1)

    private let bus: MessageBus
    private let failures = Mutex<[BusError]>([])
    private let standing = Standing()

    /// - Parameter saw: is shown each message as it enters the bus, before any fault touches it.
    init(
        in simulation: Simulation, faults: any FaultInjector, saw: @escaping @Sendable (Envelope) -> Void
    ) {
        bus = MessageBus(
            BusCore(
                guid: String(repeating: "1", count: 32), machineID: Self.machineID, userID: 0, processID: 1),
            clock: simulation.clock, spawner: simulation.spawner)
        bus.intercept(
            with: StandingBus(faults: faults, standing: standing), clock: simulation.clock, watching: saw)
    }

    func pause() { standing.begin() }
    func resume() { standing.end() }

    func restart() { bus.restart() }

    func connect() async throws(BusError) -> WiredBusConnection { try await bus.connect(Self.credentials) }

    /// Why the service could not serve on the bus.
    func noteFailure(_ error: BusError) { failures.withLock { $0.append(error) } }

    func waitForService() async throws(BusError) {
        try await ServicePresence.wait { () async throws(BusError) in try await connect() }
    }
}
