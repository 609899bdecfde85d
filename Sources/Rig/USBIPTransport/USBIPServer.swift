import CLinux
import Glibc
package import NBDServer
import Synchronization
import Threads
package import VirtualMedia

/// Exports devices over USB/IP: to Linux's `usbip attach`, or to anything that speaks it.
///
/// Nothing is encrypted and nobody is asked who they are: listen on loopback or a unix socket.
package final class USBIPServer: Sendable {
    /// Connections at a time; more are closed at once.
    package static let maximumConnections = 64

    package let address: ListenAddress
    private let listener: Listener
    private let devices: [any ExportableDevice]
    private let spawner: any Spawner
    private let stopSignal: CInt
    private let connections = Mutex<[ObjectIdentifier: ExportConnection]>([:])
    private let isStopped = Mutex(false)

    /// - Parameter spawner: where the exported devices live.
    /// - Throws: when it cannot listen, with the cause and what to do about it.
    package init(
        _ devices: [any ExportableDevice], at address: ListenAddress, spawner: any Spawner
    ) throws(ListenError) {
        self.devices = devices
        self.spawner = spawner
        listener = try Listener(address)
        self.address = listener.address
        stopSignal = eventfd(0, CInt(EFD_CLOEXEC))
    }

    /// Serves until ``stop()``.
    ///
    /// - Returns: `false` when the system has no thread left.
    package func start() -> Bool {
        _ = fcntl(listener.number, F_SETFL, O_NONBLOCK)
        return BlockingThread.start("usbip accept") { [self] in accept() }
    }

    /// Unplugs every host. Harmless when repeated.
    package func stop() {
        let wasStopped = isStopped.withLock { isStopped in
            defer { isStopped = true }
            return isStopped
        }
        guard !wasStopped else { return }
        eventfd_write(stopSignal, 1)
        for connection in connections.withLock({ Array($0.values) }) { connection.close() }
    }

    private func accept() {
        defer {
            listener.close()
            close(stopSignal)
        }
        while true {
            var entries = [
                pollfd(fd: stopSignal, events: Int16(POLLIN), revents: 0),
                pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&entries, 2, -1) > 0 else { continue }
            if entries[0].revents != 0 { return }
            let number = clinux_accept(listener.number)
            guard number >= 0 else { continue }
            serve(number)
        }
    }

    private func serve(_ descriptor: CInt) {
        let connection = ExportConnection(
            StreamLoop(owning: descriptor), devices: devices, spawner: spawner)
        let key = ObjectIdentifier(connection)
        let isTaken = connections.withLock { open in
            guard open.count < Self.maximumConnections else { return false }
            open[key] = connection
            return true
        }
        guard isTaken, connection.start(ended: { [weak self] in self?.forget(key) }) else {
            return forget(key)
        }
        if isStopped.withLock({ $0 }) { connection.close() }
    }

    private func forget(_ key: ObjectIdentifier) { connections.withLock { $0[key] = nil } }
}
