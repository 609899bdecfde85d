package import DBusProtocol
import DescriptorPassing
import Glibc
package import MessageBus

/// A bus on one or more sockets of this machine.
package final class BusHost: Sendable {
    package let bus: MessageBus
    private let servers: [SocketServer]

    /// What clients need to find it.
    package var addresses: [String] { servers.map(\.clientAddress) }

    /// - Throws: why an address cannot be listened on, in words for whoever gave it.
    package init(_ configuration: BusConfiguration) throws(BusError) {
        let core = BusCore(
            guid: BusIdentity.random(), machineID: BusIdentity.machine(), userID: geteuid(),
            processID: UInt32(getpid()), limits: configuration.limits)
        bus = MessageBus(core)
        var servers: [SocketServer] = []
        for listen in configuration.listen {
            servers.append(try Self.listen(bus, at: listen, configuration))
        }
        self.servers = servers
    }

    package func stop() { for server in servers { server.stop() } }

    private static func listen(_ bus: MessageBus, at text: String, _ configuration: BusConfiguration)
        throws(BusError) -> SocketServer
    {
        var failure = BusError(ErrorName.badAddress, "'\(text)': only unix: addresses can be served")
        for alternative in try ServerAddress.parse(text) {
            guard let place = place(for: alternative) else { continue }
            do throws(BusError) {
                if case .path(let path) = place { try makeRoom(at: path, configuration) }
                return try open(bus, place, configuration)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private static func open(_ bus: MessageBus, _ place: SocketAddress, _ configuration: BusConfiguration)
        throws(BusError) -> SocketServer
    {
        do throws(SocketError) {
            return try SocketServer(bus, at: place, configuration.options)
        } catch {
            if error.errno == ENAMETOOLONG {
                throw BusError(
                    ErrorName.badAddress,
                    "\(place.text): a socket path holds \(SocketAddress.pathBytes) bytes, this has "
                        + "\(place.text.utf8.count)")
            }
            throw BusError(ErrorName.ioError, "\(error)")
        }
    }

    /// Deals with a file that is in the way, without ever taking a path from a living server.
    private static func makeRoom(at path: String, _ configuration: BusConfiguration) throws(BusError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw BusError(ErrorName.ioError, "\(path): there is a file that is not a socket")
        }
        do throws(SocketError) {
            close(try DescriptorSocket.connect(to: .path(path)))
        } catch {
            guard error.errno == ECONNREFUSED else { throw BusError(ErrorName.ioError, "\(error)") }
            guard configuration.replacesStaleSockets else {
                throw BusError(
                    ErrorName.ioError,
                    "\(path): a stale socket is there, nobody listens on it; remove it or say --replace")
            }
            unlink(path)
            return
        }
        throw BusError(ErrorName.ioError, "\(path): another server listens there")
    }

    private static func place(for address: ServerAddress) -> SocketAddress? {
        guard address.transport == "unix" else { return nil }
        if let path = address.parameters["path"] { return .path(path) }
        if let name = address.parameters["abstract"] { return .abstract(name) }
        if let folder = address.parameters["tmpdir"] ?? address.parameters["dir"] {
            return .path("\(folder)/dbus-\(BusIdentity.random().prefix(10))")
        }
        guard address.parameters["runtime"] == "yes", let folder = getenv("XDG_RUNTIME_DIR") else {
            return nil
        }
        return .path(String(cString: folder) + "/bus")
    }
}
