internal import BusServer
internal import DBusProtocol
internal import FaultPoints
internal import LinuxPlatform
internal import MessageBus
import Synchronization
internal import VirtualMedia
internal import Worlds

/// The message bus of an emulated world: on a socket that any D-Bus program of this user can connect to.
final class EmulatedBus: WorldBus {
    private let host: BusHost
    /// As DBUS_SYSTEM_BUS_ADDRESS wants it.
    let address: String
    private let standing = Standing()
    private let failures = Mutex<[BusError]>([])

    /// - Parameters:
    ///   - path: of the socket.
    ///   - saw: is shown each message as it enters the bus, before any fault touches it.
    init(
        at path: String, faults: any FaultInjector, clock: any MediaClock,
        saw: @escaping @Sendable (Envelope) -> Void
    ) throws(WorldFailure) {
        do throws(BusError) {
            host = try BusHost(BusConfiguration(listen: [BusConfiguration.address(ofPath: path)]))
        } catch { throw WorldFailure("the bus: \(error)") }
        address = host.addresses[0]
        host.bus.intercept(
            with: StandingBus(faults: faults, standing: standing), clock: clock, watching: saw)
    }

    func connect() async throws(BusError) -> WiredBusConnection {
        try await SocketBusConnection.connect(to: address)
    }

    func pause() { standing.begin() }
    func resume() { standing.end() }
    func restart() { host.bus.restart() }
    /// Hangs up on a connection, by its unique name.
    func cut(_ name: String) { host.bus.cut(name) }
    func stop() { host.stop() }

    /// Why the service could not serve on the bus.
    func noteFailure(_ error: BusError) { failures.withLock { $0.append(error) } }

    func waitForService() async throws(BusError) {
        try await ServicePresence.wait { () async throws(BusError) in try await connect() }
    }
}
