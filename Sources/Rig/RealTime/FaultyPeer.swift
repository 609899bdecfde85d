import BlockStorage
import FaultPoints
import Glibc
import LinuxPlatform
import SimulatedNetwork
import Synchronization
import VirtualMedia

/// The client of a Proxy slot as a process with an NBD server that faults can meet, on a real socket.
final class FaultyPeer: Sendable {
    private let process: EmulatedProcess
    private let server: MemoryNBDServer
    private let path: String
    private let slot: String
    private let passage: NBDPassage
    private let sockets = ProcessSockets()
    private let listener = Mutex<SocketListener?>(nil)

    /// - Throws: why it cannot listen at the slot's socket.
    init(_ store: any BlockStore, at slot: SlotConfiguration, _ passage: NBDPassage) throws(SystemError) {
        let process = EmulatedProcess("client \(slot.name)")
        self.process = process
        self.passage = passage
        self.slot = slot.name
        path = slot.socket
        server = MemoryNBDServer(
            store: store, target: slot.socket, slot: slot.name,
            in: passage.surroundings(of: process.spawner))
        let listener = try SocketListener(at: slot.socket) { [weak self] number in
            let channel = SocketChannel(owning: number)
            guard let self else { return }
            self.sockets.keep(channel)
            self.process.spawner.spawn("accept", .shared) { await self.accept(channel) }
        }
        self.listener.withLock { $0 = listener }
        process.atDeath { [sockets, server] in
            listener.die()
            server.kill()
            sockets.closeAll()
        }
    }

    func kill() { process.kill() }
    func pause() { process.pause() }
    func resume() { process.resume() }
    func hangUp() { server.loseConnections() }

    private func accept(_ channel: SocketChannel) async {
        switch passage.nextFate(at: path) {
        case .accept: break
        case .acceptLater(let hold): await hold.released()
        // Connected, and never served.
        case .forget: return
        }
        let (near, far) = MemoryLink.connect(
            path, number: passage.nextNumber("link \(path)"), slot: slot,
            in: passage.surroundings(of: process.spawner))
        guard server.serve(far) else { return channel.close() }
        SocketBridge.join(channel, near, "\(slot) client", by: process.spawner)
    }
}
