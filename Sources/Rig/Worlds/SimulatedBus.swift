internal import DBusProtocol
internal import FaultPoints
internal import MessageBus
internal import SimulatedTime
import Synchronization
internal import VirtualMedia

/// The message bus of a simulated world, and what it shows to a watcher.
final class SimulatedBus: Sendable {
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

    /// As SIGSTOP of the bus: messages wait, none is refused.
    func pause() {
        standing.withLock { standing in if standing == nil { standing = FaultHold() } }
    }

    func resume() {
        let hold = standing.withLock { standing in
            defer { standing = nil }
            return standing
        }
        hold?.release()
    }

    /// Every connection ends; names are free again.
    func restart() { bus.restart() }

    func connect() async throws(BusError) -> WiredBusConnection { try await bus.connect(Self.credentials) }

    /// Why the service could not serve on the bus.
    func noteFailure(_ error: BusError) { failures.withLock { $0.append(error) } }

    /// Nobody answers for the service after so long: it is dead, or as good as.
    static let patience = Duration.seconds(60)

    /// Connections that may break, and answers that may get lost, until the service has answered.
    static let maximumAttempts = 16

    /// Returns once somebody has the service's name and answers.
    func waitForService() async throws(BusError) {
        var attempt = 1
        while true {
            do throws(BusError) { return try await askForService() } catch {
                guard attempt < Self.maximumAttempts else { throw error }
                attempt += 1
            }
        }
    }

    private func askForService() async throws(BusError) {
        let connection = try await connect()
        let rule = "type='signal',member='NameOwnerChanged',arg0='\(MediaInterfaces.busName)'"
        _ = try await connection.call(Self.driver("AddMatch", rule))
        while true {
            let answer = try await connection.call(Self.driver("NameHasOwner", MediaInterfaces.busName))
            if answer.body == [.boolean(true)] { break }
            for await message in connection.incoming where message.member == "NameOwnerChanged" { break }
        }
        // Calls are answered once what an earlier process left is removed.
        _ = try await connection.call(
            .methodCall(
                destination: MediaInterfaces.busName, path: MediaInterfaces.rootPath,
                interface: WellKnown.peer, member: "Ping"))
        await connection.close()
    }

    private static func driver(_ member: String, _ argument: String) -> Message {
        .methodCall(
            destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus, member: member,
            body: [.string(argument)])
    }
}

/// Set while the bus stands still.
final class Standing: Sendable {
    private let hold = Mutex<FaultHold?>(nil)
    func withLock<Result: Sendable>(_ body: (inout FaultHold?) -> Result) -> Result {
        hold.withLock { body(&$0) }
    }
}

/// Holds every message while the bus stands still, besides what the plan does to it.
private struct StandingBus: FaultInjector {
    let faults: any FaultInjector
    let standing: Standing

    func meet(_ occasion: FaultOccasion) -> [FaultAction] {
        let actions = faults.meet(occasion)
        guard let hold = standing.withLock({ $0 }) else { return actions }
        return [.hold(hold)] + actions
    }
}
