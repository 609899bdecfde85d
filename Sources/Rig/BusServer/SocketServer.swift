import CLinux
package import DBusProtocol
package import DescriptorPassing
import Glibc
package import MessageBus
import Synchronization

/// Serves a bus on unix sockets, with one thread that never waits for any one peer.
package final class SocketServer: Sendable {
    package struct Options: Sendable {
        /// In the order offered.
        package var mechanisms: [AuthenticationMechanism] = [.external]
        /// Whether users besides our own and root are let in.
        package var admitsEveryUser = false

        package init() {}
    }

    package let address: SocketAddress
    private let loop: SocketLoop

    /// Listens, and serves until ``stop()``.
    ///
    /// - Throws: what the system said: ENAMETOOLONG, EADDRINUSE, ENOENT, EACCES, …
    package init(_ bus: MessageBus, at address: SocketAddress, _ options: Options = Options())
        throws(SocketError)
    {
        self.address = address
        let listener = try DescriptorSocket.listen(at: address)
        if case .path(let path) = address {
            // Who may come in is decided by authentication, as with dbus-daemon.
            chmod(path, 0o777)
        }
        loop = try SocketLoop(bus: bus, listener: listener, options: options)
        bus.offerScheduler { [weak loop] duration, action in loop?.schedule(after: duration, action) }
        loop.start()
    }

    /// "unix:path=…,guid=…", for clients.
    package var clientAddress: String {
        let key: String
        switch address {
        case .path: key = "path"
        case .abstract: key = "abstract"
        }
        let name = address.text.dropFirst(key == "abstract" ? 1 : 0)
        return ServerAddress(transport: "unix", parameters: [key: String(name)]).text + ",guid=\(loop.guid)"
    }

    /// Hangs up on everybody, stops listening and removes the socket. Returns when all is closed.
    package func stop() {
        guard loop.stop() else { return }
        if case .path(let path) = address { unlink(path) }
    }

    deinit { stop() }
}
