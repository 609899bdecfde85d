import BlockStorage
import FaultPoints
import NBDProtocol
import NBDServer
import Synchronization
import VirtualMedia

/// One client of a server in memory, from greeting to end: what a thread of `NBDServer` does, done by
/// tasks that suspend. What is decided, and in which words it is answered, is `NBDServer`'s own code.
final class ServedConnection: Sendable {
    /// What all connections of one server have in common.
    struct Service: Sendable {
        var store: any BlockStore
        var export: Export
        var limits: ServerLimits
        /// Names the server in faults and tasks: a socket's path, a slot.
        var target: String
        var slot: String?
        var surroundings: NetworkSurroundings
        /// `nil` where no fault can ask for it.
        var earlier: EarlierBytes?
    }

    /// What the phases of one connection have in common.
    struct Parts: Sendable {
        let service: Service
        let channel: MemoryChannel
        let outlet: Outlet
        let patience: Patience
        let tasks: SpawnedTasks
        var name: String { "nbd \(service.target) \(channel.link.number)" }

        func meet(_ operation: String, _ bytes: Range<UInt64>, _ direction: FaultOccasion.Direction)
            -> [FaultAction]
        {
            service.surroundings.faults.met(
                FaultOccasion(
                    .nbdSocket, operation, on: service.target, slot: service.slot,
                    connection: channel.link.number, direction: direction, bytes: bytes,
                    at: service.surroundings.clock.now))
        }
    }

    private let parts: Parts

    init(_ service: Service, channel: MemoryChannel) {
        let name = "nbd \(service.target) \(channel.link.number)"
        parts = Parts(
            service: service, channel: channel, outlet: Outlet(channel),
            patience: Patience(name, service.surroundings),
            tasks: SpawnedTasks(service.surroundings.spawner))
    }

    /// Returns when the connection is over and the store is no longer used for it.
    func run() async -> ConnectionEnd {
        let end = await serve()
        abort()
        await parts.tasks.allEnded()
        return end
    }

    /// What has arrived is still answered; then it ends.
    func stopReceiving() { parts.channel.closeReading() }

    /// Nothing more is answered; requests that wait for a fault to end are given up.
    func abort() {
        parts.channel.close()
        parts.patience.end()
    }

    func reset() {
        parts.channel.reset()
        abort()
    }

    private func serve() async -> ConnectionEnd {
        let clock = parts.service.surroundings.clock
        let deadline = clock.now + .milliseconds(parts.service.limits.handshakeMilliseconds)
        let limit = parts.service.surroundings.spawner.spawn("\(parts.name) handshake limit", .shared) {
            [self] in
            do { try await clock.sleep(until: deadline) } catch { return }
            abort()
        }
        let handshake = ServedHandshake(parts)
        let outcome = await handshake.run()
        limit.cancel()
        switch outcome {
        case .over(let end): return end
        case .transmit(let negotiated, let leftover):
            let transmission = ServerTransmission(
                negotiated, leftover: leftover, limits: parts.service.limits)
            return await ServedTransmission(parts, transmission).serve()
        }
    }
}
