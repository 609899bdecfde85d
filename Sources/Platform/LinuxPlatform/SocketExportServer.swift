package import BlockStorage
import Glibc
import NBDServer
package import VirtualMedia

/// Serves stores with ``NBDServer`` over pairs of sockets: no path, no port, nothing to find or to
/// leave behind.
package struct SocketExportServer: ExportServer {
    package init() {}

    package func serve(_ store: any BlockStore, for slot: String) async throws(SystemError)
        -> any ServedExport
    {
        Export(slot: slot, server: NBDServer(store: store))
    }

    private final class Export: ServedExport {
        private let slot: String
        private let server: NBDServer

        init(slot: String, server: NBDServer) {
            self.slot = slot
            self.server = server
        }

        func connect() async throws(SystemError) -> any ByteChannel {
            let (ours, theirs) = try SystemSockets.pair()
            guard server.serve(descriptor: theirs) != nil else {
                Glibc.close(ours)
                throw SystemError(EBUSY, "connect to the NBD server of \(slot)")
            }
            return SocketChannel(owning: ours)
        }

        func stop() async { await server.stop() }
    }
}
