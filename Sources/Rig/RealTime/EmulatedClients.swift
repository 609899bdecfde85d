import BlockStorage
import FaultPoints
import Glibc
import NBDServer
import Scenarios
import SimulatedNetwork
import Synchronization
import VirtualMedia
internal import Worlds

/// The clients of Proxy slots: each an NBD server on the slot's socket, and a disk of its own that outlives it.
///
/// Between disk and image file stands the store's write cache and its faults.
final class EmulatedClients: Sendable {
    private struct Client {
        var image: String
        var isReadWrite: Bool
        var disk: FaultyStore
        var server: NBDServer
        var isAlive = true
    }

    private let store: EmulatedStore
    private let faults: any FaultInjector
    private let clock: any MediaClock
    private let clients = Mutex<[String: Client]>([:])
    /// By slot and image.
    private let disks = Mutex<[String: FaultyStore]>([:])

    init(_ store: EmulatedStore, faults: any FaultInjector, clock: any MediaClock) {
        self.store = store
        self.faults = faults
        self.clock = clock
    }

    /// Begins to serve an image, in place of the one before; the same disk again for the same image.
    func serve(_ name: String, at slot: SlotConfiguration, isReadWrite: Bool) throws(WorldFailure) {
        if let present = client(slot.name) {
            if present.image == name, present.isReadWrite == isReadWrite, present.isAlive { return }
            present.server.kill()
        }
        let key = "\(slot.name) \(name)"
        let disk: FaultyStore
        if let known = disks.withLock({ $0[key] }) {
            disk = known
        } else {
            guard let image = store.content(of: name) else { throw WorldFailure("there is no image \(name)") }
            disk = FaultyStore(
                SnapshotStore(image), name: name, slot: slot.name, clock: clock, faults: faults)
            disks.withLock { $0[key] = disk }
        }
        try start(name, disk, at: slot, isReadWrite: isReadWrite)
    }

    private func start(_ image: String, _ disk: FaultyStore, at slot: SlotConfiguration, isReadWrite: Bool)
        throws(WorldFailure)
    {
        let server = NBDServer(store: isReadWrite ? disk : ReadOnlyStore(disk))
        do throws(ListenError) { _ = try server.listen(on: .unix(path: slot.socket)) } catch {
            throw WorldFailure("the client of \(slot.name): \(error)")
        }
        clients.withLock {
            $0[slot.name] = Client(image: image, isReadWrite: isReadWrite, disk: disk, server: server)
        }
    }

    // MARK: What befalls them

    /// As SIGKILL of the client: its socket stays behind, and nobody listens there.
    func kill(_ slot: SlotConfiguration) {
        let server = clients.withLock { clients in
            clients[slot.name]?.isAlive = false
            return clients[slot.name]?.server
        }
        guard let server else { return }
        server.kill()
        leaveSocket(at: slot.socket)
    }

    /// The way to the BMC is lost; the client is well.
    func loseConnections(_ slot: String) { client(slot)?.server.hangUp() }

    /// What a killed client served is served again.
    func restart(_ slot: SlotConfiguration) throws(WorldFailure) {
        guard let last = client(slot.name) else { return }
        last.server.kill()
        try start(last.image, last.disk, at: slot, isReadWrite: last.isReadWrite)
    }

    /// The power of the client's machine fails: what its disk was not told to keep is gone.
    func losePower(_ slot: SlotConfiguration) {
        guard let client = client(slot.name) else { return }
        kill(slot)
        client.disk.crash()
    }

    func stopAll() {
        for client in clients.withLock({ $0.sorted { $0.key < $1.key }.map(\.value) }) {
            client.server.kill()
        }
    }

    private func client(_ slot: String) -> Client? { clients.withLock { $0[slot] } }

    private func leaveSocket(at path: String) {
        let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return }
        defer { close(number) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
