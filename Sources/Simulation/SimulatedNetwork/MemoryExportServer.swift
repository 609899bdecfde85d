package import BlockStorage
import Glibc
package import NBDServer
import Synchronization
package import VirtualMedia

/// Serves the stores of slots in memory, as `SocketExportServer` does over pairs of sockets.
package final class MemoryExportServer: ExportServer {
    private let surroundings: NetworkSurroundings
    private let limits: ServerLimits
    private let options: MemoryLink.Options
    private let servers = Mutex<[String: MemoryNBDServer]>([:])

    package init(
        _ surroundings: NetworkSurroundings, limits: ServerLimits = ServerLimits(),
        options: MemoryLink.Options = MemoryLink.Options()
    ) {
        self.surroundings = surroundings
        self.limits = limits
        self.options = options
    }

    package func serve(_ store: any BlockStore, for slot: String) async throws(SystemError)
        -> any ServedExport
    {
        let server = MemoryNBDServer(
            store: store, target: slot, slot: slot, limits: limits, in: surroundings)
        servers.withLock { $0[slot] = server }
        return Served(server: server, slot: slot, options: options, surroundings: surroundings)
    }

    /// The server that a slot got last, also after it was stopped.
    package func server(of slot: String) -> MemoryNBDServer? { servers.withLock { $0[slot] } }

    /// Slots whose server runs, sorted.
    package var running: [String] {
        servers.withLock { $0.filter { !$0.value.isStopped }.keys.sorted() }
    }

    private final class Served: ServedExport {
        private let server: MemoryNBDServer
        private let slot: String
        private let options: MemoryLink.Options
        private let surroundings: NetworkSurroundings
        private let connectionCount = Mutex(0)

        init(
            server: MemoryNBDServer, slot: String, options: MemoryLink.Options,
            surroundings: NetworkSurroundings
        ) {
            self.server = server
            self.slot = slot
            self.options = options
            self.surroundings = surroundings
        }

        func connect() async throws(SystemError) -> any ByteChannel {
            let operation = "connect to the NBD server of \(slot)"
            let number = connectionCount.withLock { count in
                defer { count += 1 }
                return count
            }
            let fate = try await ConnectFaults.meet(slot, number, slot: slot, surroundings, operation)
            guard !server.isStopped else { throw SystemError(ECONNREFUSED, operation) }
            let (client, theirs) = MemoryLink.connect(
                slot, number: number, slot: slot, options: options, in: surroundings)
            switch fate {
            case .accept:
                guard server.serve(theirs) else { throw SystemError(EBUSY, operation) }
            case .acceptLater(let hold):
                server.keepUnserved(theirs)
                hold.whenReleased { [server] in server.serveKept(theirs) }
            case .forget: server.keepUnserved(theirs)
            }
            return client
        }

        func stop() async { await server.stop() }
    }
}
