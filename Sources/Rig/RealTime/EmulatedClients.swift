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
final class EmulatedClients: WorldClients {
    private struct Client {
        var image: String
        var isReadWrite: Bool
        var disk: FaultyStore
        var serving: Serving
        var isAlive = true
    }

    private enum Serving {
        case real(NBDServer)
        case standIn(FaultyPeer)

        func kill() {
            switch self {
            case .real(let server): server.kill()
            case .standIn(let peer): peer.kill()
            }
        }
    }

    private let store: EmulatedStore
    private let passage: NBDPassage
    private let clients = Mutex<[String: Client]>([:])
    /// By slot and image.
    private let disks = Mutex<[String: FaultyStore]>([:])

    init(_ store: EmulatedStore, _ passage: NBDPassage) {
        self.store = store
        self.passage = passage
    }

    /// Begins to serve an image, in place of the one before; the same disk again for the same image.
    func serve(_ name: String, at slot: SlotConfiguration, isReadWrite: Bool) throws(WorldFailure) {
        if let present = client(slot.name) {
            if present.image == name, present.isReadWrite == isReadWrite, present.isAlive { return }
            present.serving.kill()
        }
        let key = "\(slot.name) \(name)"
        let disk: FaultyStore
        if let known = disks.withLock({ $0[key] }) {
            disk = known
        } else {
            guard let image = store.content(of: name) else { throw WorldFailure("there is no image \(name)") }
            disk = FaultyStore(
                SnapshotStore(image), name: name, slot: slot.name, clock: passage.surroundings.clock,
                faults: passage.surroundings.faults)
            disks.withLock { $0[key] = disk }
        }
        try start(name, disk, at: slot, isReadWrite: isReadWrite)
    }

    private func start(_ image: String, _ disk: FaultyStore, at slot: SlotConfiguration, isReadWrite: Bool)
        throws(WorldFailure)
    {
        let served: any BlockStore = isReadWrite ? disk : ReadOnlyStore(disk)
        let serving: Serving
        if passage.isFaulty {
            do throws(SystemError) { serving = .standIn(try FaultyPeer(served, at: slot, passage)) } catch {
                throw WorldFailure("the client of \(slot.name): \(error)")
            }
        } else {
            let server = NBDServer(store: served)
            do throws(ListenError) { _ = try server.listen(on: .unix(path: slot.socket)) } catch {
                throw WorldFailure("the client of \(slot.name): \(error)")
            }
            serving = .real(server)
        }
        clients.withLock {
            $0[slot.name] = Client(image: image, isReadWrite: isReadWrite, disk: disk, serving: serving)
        }
    }

    // MARK: What befalls them

    /// As SIGKILL of the client: its socket stays behind, and nobody listens there.
    func kill(_ slot: SlotConfiguration) {
        let serving = clients.withLock { clients in
            clients[slot.name]?.isAlive = false
            return clients[slot.name]?.serving
        }
        guard let serving else { return }
        serving.kill()
        if case .real = serving { leaveSocket(at: slot.socket) }
    }

    func loseConnections(_ slot: SlotConfiguration) {
        switch client(slot.name)?.serving {
        case .real(let server): server.hangUp()
        case .standIn(let peer): peer.hangUp()
        case nil: break
        }
    }

    /// As SIGSTOP of the client, and SIGCONT. Only stand-ins can: see ``EmulatedCapabilities``.
    func setPaused(_ slot: SlotConfiguration, _ isPaused: Bool) throws(WorldFailure) {
        switch client(slot.name)?.serving {
        case .standIn(let peer): if isPaused { peer.pause() } else { peer.resume() }
        case .real: throw WorldFailure("\(slot.name): this NBD server cannot stand still")
        case nil: break
        }
    }

    func restart(_ slot: SlotConfiguration) throws(WorldFailure) {
        guard let last = client(slot.name) else { return }
        last.serving.kill()
        try start(last.image, last.disk, at: slot, isReadWrite: last.isReadWrite)
    }

    func losePower(_ slot: SlotConfiguration) {
        guard let client = client(slot.name) else { return }
        kill(slot)
        client.disk.crash()
    }

    func stopAll() {
        for client in clients.withLock({ $0.sorted { $0.key < $1.key }.map(\.value) }) {
            client.serving.kill()
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
