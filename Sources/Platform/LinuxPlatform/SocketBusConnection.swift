package import DBusProtocol
import DescriptorPassing
import Glibc
import Synchronization
import Threads

/// Connects to a message bus on a unix socket: dbus-daemon, dbus-broker or our own.
package enum SocketBusConnection {
    /// Where the system bus is when the environment says nothing.
    package static let systemAddress = "unix:path=/run/dbus/system_bus_socket"

    /// The system bus: DBUS_SYSTEM_BUS_ADDRESS, or the well-known place.
    package static func system() async throws(BusError) -> WiredBusConnection {
        try await connect(to: environment("DBUS_SYSTEM_BUS_ADDRESS") ?? systemAddress)
    }

    /// The session bus, which only DBUS_SESSION_BUS_ADDRESS tells.
    package static func session() async throws(BusError) -> WiredBusConnection {
        guard let address = environment("DBUS_SESSION_BUS_ADDRESS") else {
            throw BusError(ErrorName.noServer, "DBUS_SESSION_BUS_ADDRESS is not set")
        }
        return try await connect(to: address)
    }

    /// Tries the alternatives of an address in order, authenticates, and says Hello.
    ///
    /// - Throws: BadAddress, NoServer (nobody there), AuthFailed, or what Hello was answered.
    package static func connect(to address: String) async throws(BusError) -> WiredBusConnection {
        var failure = BusError(ErrorName.badAddress, "Address '\(address)' names no unix socket")
        for alternative in try ServerAddress.parse(address) {
            guard let place = socketAddress(alternative) else { continue }
            let attempt = await BlockingThread.value("bus connect") {
                Result { () throws(BusError) in try AuthenticatedStream(connectingTo: place) }
            }
            switch attempt {
            case nil: throw BusError(ErrorName.noMemory, "the system has no thread left for a bus connection")
            case .success(let stream): return try await open(stream)
            case .failure(let error): failure = error
            }
        }
        throw failure
    }

    private static func open(_ stream: AuthenticatedStream) async throws(BusError) -> WiredBusConnection {
        let transport = SocketTransport(descriptor: stream.descriptor)
        let connection = WiredBusConnection(
            transport: transport, canPassDescriptors: stream.canPassDescriptors)
        transport.start(connection, received: stream.rest)
        do throws(BusError) {
            try await connection.hello()
        } catch {
            await connection.close()
            throw error
        }
        return connection
    }

    private static func socketAddress(_ address: ServerAddress) -> SocketAddress? {
        guard address.transport == "unix" else { return nil }
        if let path = address.parameters["path"] { return .path(path) }
        return address.parameters["abstract"].map(SocketAddress.abstract)
    }

    private static func environment(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }
}
