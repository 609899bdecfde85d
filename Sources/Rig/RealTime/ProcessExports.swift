internal import BlockStorage
import Glibc
internal import LinuxPlatform
internal import NBDServer
import Synchronization
internal import Threads
internal import VirtualMedia

/// The NBD servers of one process: each slot's store over pairs of sockets. They can be cut off and killed from
/// outside, and die with the process.
final class ProcessExports: ExportServer {
    private let servers = Mutex<[String: Export]>([:])
    private let sockets: ProcessSockets

    /// - Parameter sockets: keeps the ends that the kernel has not taken over yet.
    init(_ sockets: ProcessSockets) { self.sockets = sockets }

    func serve(_ store: any BlockStore, for slot: String) async throws(SystemError) -> any ServedExport {
        let export = Export(slot: slot, server: NBDServer(store: store), sockets: sockets)
        servers.withLock { $0[slot] = export }
        return export
    }

    /// Slots whose server runs, sorted.
    var running: [String] {
        servers.withLock { $0.filter { $0.value.isRunning }.keys.sorted() }
    }

    func kill(_ slot: String) { servers.withLock { $0[slot] }?.kill() }
    func hangUp(_ slot: String) { servers.withLock { $0[slot] }?.server.hangUp() }

    func killAll() {
        for export in servers.withLock({ $0.sorted { $0.key < $1.key }.map(\.value) }) { export.kill() }
    }

    private final class Export: ServedExport {
        let slot: String
        let server: NBDServer
        private let sockets: ProcessSockets
        private let isStopped = Atomic(false)

        init(slot: String, server: NBDServer, sockets: ProcessSockets) {
            self.slot = slot
            self.server = server
            self.sockets = sockets
        }

        var isRunning: Bool { !isStopped.load(ordering: .relaxed) }

        func connect() async throws(SystemError) -> any ByteChannel {
            let operation = "connect to the NBD server of \(slot)"
            guard isRunning else { throw SystemError(ECONNREFUSED, operation) }
            let (ours, theirs) = try SystemSockets.pair()
            guard server.serve(descriptor: theirs) != nil else {
                close(ours)
                throw SystemError(EBUSY, operation)
            }
            let channel = SocketChannel(owning: ours)
            sockets.keep(channel)
            return channel
        }

        func stop() async {
            isStopped.store(true, ordering: .relaxed)
            await server.stop()
        }

        func kill() {
            isStopped.store(true, ordering: .relaxed)
            server.kill()
        }
    }
}
