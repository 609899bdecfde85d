internal import BlockStorage
internal import Scenarios
internal import SimulatedNetwork
internal import SimulatedTime
import Synchronization
internal import VirtualMedia

/// The clients of Proxy slots: each a process with an NBD server at the slot's socket, and a disk of its
/// own that outlives it.
final class ProxyClients: WorldClients {
    private struct Client {
        var image: String
        var isReadWrite: Bool
        var disk: FaultyStore
        var process: SimulatedProcess
        var server: MemoryNBDServer
    }

    private let topology: Scenario.Topology
    private let sockets: MemorySockets
    private let surroundings: NetworkSurroundings
    private let simulation: Simulation
    private let clients = Mutex<[String: Client]>([:])
    /// By slot and image.
    private let disks = Mutex<[String: FaultyStore]>([:])
    private let processCount = Mutex(0)

    init(
        _ topology: Scenario.Topology, sockets: MemorySockets, _ surroundings: NetworkSurroundings,
        in simulation: Simulation
    ) {
        self.topology = topology
        self.sockets = sockets
        self.surroundings = surroundings
        self.simulation = simulation
    }

    /// Begins to serve an image, in place of the one before; the same disk again for the same image.
    func serve(_ image: String, _ bytes: [UInt8], at slot: SlotConfiguration, isReadWrite: Bool)
        throws(WorldFailure)
    {
        if let present = clients.withLock({ $0[slot.name] }) {
            if present.image == image, present.isReadWrite == isReadWrite, present.process.isAlive { return }
            end(present)
        }
        let disk = disks.withLock { disks -> FaultyStore in
            let key = "\(slot.name) \(image)"
            let disk =
                disks[key]
                ?? FaultyStore(
                    MemoryStore(bytes), name: image, slot: slot.name, clock: simulation.clock,
                    faults: surroundings.faults)
            disks[key] = disk
            return disk
        }
        try start(image, disk, at: slot, isReadWrite: isReadWrite)
    }

    private func start(_ image: String, _ disk: FaultyStore, at slot: SlotConfiguration, isReadWrite: Bool)
        throws(WorldFailure)
    {
        let number = processCount.withLock { count in
            count += 1
            return count
        }
        let process = simulation.process("client \(slot.name) \(number)")
        var own = surroundings
        own.spawner = process.spawner
        let store: any BlockStore = isReadWrite ? disk : ReadOnlyStore(disk)
        let server = MemoryNBDServer(store: store, target: slot.socket, slot: slot.name, in: own)
        process.atDeath { server.kill() }
        do throws(SystemError) { try server.start(at: slot.socket, on: sockets) } catch {
            throw WorldFailure("the client of \(slot.name): \(error)")
        }
        clients.withLock {
            $0[slot.name] = Client(
                image: image, isReadWrite: isReadWrite, disk: disk, process: process, server: server)
        }
    }

    // MARK: What befalls them

    func kill(_ slot: SlotConfiguration) { client(slot)?.process.kill() }

    func setPaused(_ slot: SlotConfiguration, _ isPaused: Bool) {
        let process = client(slot)?.process
        if isPaused { process?.pause() } else { process?.resume() }
    }

    func loseConnections(_ slot: SlotConfiguration) { client(slot)?.server.loseConnections() }

    func restart(_ slot: SlotConfiguration) throws(WorldFailure) {
        guard let last = client(slot) else { return }
        end(last)
        try start(last.image, last.disk, at: slot, isReadWrite: last.isReadWrite)
    }

    func losePower(_ slot: SlotConfiguration) {
        guard let client = client(slot) else { return }
        client.process.kill()
        client.disk.crash()
    }

    func stopAll() {
        for client in clients.withLock({ $0.sorted { $0.key < $1.key }.map(\.value) }) { end(client) }
    }

    private func client(_ slot: SlotConfiguration) -> Client? { clients.withLock { $0[slot.name] } }

    private func end(_ client: Client) { if client.process.isAlive { client.process.kill() } }
}
