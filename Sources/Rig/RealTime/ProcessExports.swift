import BlockStorage
import Glibc
import LinuxPlatform
import NBDServer
import SimulatedNetwork
import Synchronization
import VirtualMedia

/// The NBD servers of one process: each slot's store over pairs of sockets. They can be cut off and killed from
/// outside, and die with the process.
final class ProcessExports: ExportServer {
    private let servers = Mutex<[String: Export]>([:])
    private let sockets: ProcessSockets
    private let spawner: any Spawner
    /// `nil` where the servers are real.
    private let standIns: MemoryExportServer?

    /// - Parameters:
    ///   - sockets: keeps the ends that the kernel has not taken over yet.
    ///   - spawner: of the process.
    init(_ sockets: ProcessSockets, _ passage: NBDPassage, by spawner: any Spawner) {
        self.sockets = sockets
        self.spawner = spawner
        standIns = passage.isFaulty ? MemoryExportServer(passage.surroundings(of: spawner)) : nil
    }

    func serve(_ store: any BlockStore, for slot: String) async throws(SystemError) -> any ServedExport {
        let export: Export
        if let standIns {
            let served = try await standIns.serve(store, for: slot)
            export = Export(slot, .standIn(served, standIns.server(of: slot)), sockets, spawner)
        } else {
            export = Export(slot, .real(NBDServer(store: store)), sockets, spawner)
        }
        servers.withLock { $0[slot] = export }
        return export
    }

    /// Slots whose server runs, sorted.
    var running: [String] {
        servers.withLock { $0.filter { $0.value.isRunning }.keys.sorted() }
    }

    func kill(_ slot: String) { servers.withLock { $0[slot] }?.kill() }
    func hangUp(_ slot: String) { servers.withLock { $0[slot] }?.hangUp() }

    func killAll() {
        for export in servers.withLock({ $0.sorted { $0.key < $1.key }.map(\.value) }) { export.kill() }
    }

    private enum Serving {
        case real(NBDServer)
        case standIn(any ServedExport, MemoryNBDServer?)
    }

    private final class Export: ServedExport {
        private let slot: String
        private let serving: Serving
        private let sockets: ProcessSockets
        private let spawner: any Spawner
        private let isStopped = Atomic(false)

        init(_ slot: String, _ serving: Serving, _ sockets: ProcessSockets, _ spawner: any Spawner) {
            self.slot = slot
            self.serving = serving
            self.sockets = sockets
            self.spawner = spawner
        }

        var isRunning: Bool { !isStopped.load(ordering: .relaxed) }

        func connect() async throws(SystemError) -> any ByteChannel {
            let operation = "connect to the NBD server of \(slot)"
            guard isRunning else { throw SystemError(ECONNREFUSED, operation) }
            let channel: SocketChannel
            switch serving {
            case .real(let server):
                let (ours, theirs) = try SystemSockets.pair()
                guard server.serve(descriptor: theirs) != nil else {
                    close(ours)
                    throw SystemError(EBUSY, operation)
                }
                channel = SocketChannel(owning: ours)
            case .standIn(let served, _):
                guard let near = try await served.connect() as? MemoryChannel else {
                    preconditionFailure("a connection in memory is none")
                }
                let (ours, theirs) = try SystemSockets.pair()
                let far = SocketChannel(owning: theirs)
                sockets.keep(far)
                SocketBridge.join(far, near, "\(slot) server", by: spawner)
                channel = SocketChannel(owning: ours)
            }
            sockets.keep(channel)
            return channel
        }

        func stop() async {
            isStopped.store(true, ordering: .relaxed)
            switch serving {
            case .real(let server): await server.stop()
            case .standIn(let served, _): await served.stop()
            }
        }

        func kill() {
            isStopped.store(true, ordering: .relaxed)
            switch serving {
            case .real(let server): server.kill()
            case .standIn(_, let server): server?.kill()
            }
        }

        func hangUp() {
            switch serving {
            case .real(let server): server.hangUp()
            case .standIn(_, let server): server?.loseConnections()
            }
        }
    }
}
