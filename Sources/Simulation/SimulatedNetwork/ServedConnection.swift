import BlockStorage
import NBDProtocol
import NBDServer
import Synchronization
import VirtualMedia
import WireFormat

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
    }

    private let service: Service
    private let channel: MemoryChannel
    private let tasks: SpawnedTasks

    init(_ service: Service, channel: MemoryChannel) {
        self.service = service
        self.channel = channel
        tasks = SpawnedTasks(service.surroundings.spawner)
    }

    private var name: String { "nbd \(service.target) \(channel.link.number)" }

    /// Returns when the connection is over and the store is no longer used for it.
    func run() async -> ConnectionEnd {
        let end = await serve()
        channel.close()
        tasks.cancelAll()
        await tasks.allEnded()
        return end
    }

    /// What has arrived is still answered; then it ends.
    func stopReceiving() { channel.closeReading() }

    /// Nothing more is answered; requests that wait for a fault to end are given up.
    func abort() {
        channel.close()
        tasks.cancelAll()
    }

    func reset() {
        channel.reset()
        abort()
    }

    private func serve() async -> ConnectionEnd {
        switch await shakeHands() {
        case .failure(let end): return end.reason
        case .success(let (negotiated, leftover)):
            let loop = ServedTransmission(
                service, channel, ServerTransmission(negotiated, leftover: leftover, limits: service.limits),
                tasks, name)
            return await loop.run()
        }
    }

    private struct Ended: Error {
        let reason: ConnectionEnd
        init(_ reason: ConnectionEnd) { self.reason = reason }
    }

    private func shakeHands() async -> Result<(Negotiated, Bytes), Ended> {
        let clock = service.surroundings.clock
        let deadline = clock.now + .milliseconds(service.limits.handshakeMilliseconds)
        let limit = service.surroundings.spawner.spawn("\(name) handshake limit", .shared) { [channel] in
            do { try await clock.sleep(until: deadline) } catch { return }
            channel.close()
        }
        defer { limit.cancel() }
        do throws(SystemError) {
            return try await haggle()
        } catch {
            return .failure(Ended(.hungUp))
        }
    }

    private func haggle() async throws(SystemError) -> Result<(Negotiated, Bytes), Ended> {
        var handshake = ServerHandshake(exports: [service.export])
        try await channel.write(ServerHandshake.greeting[...])
        while true {
            let bytes = try await channel.readSome(atMost: Self.handshakeBytes)
            guard !bytes.isEmpty else { return .failure(Ended(.hungUp)) }
            for action in handshake.receive(bytes) {
                switch action {
                case .send(let reply): try await channel.write(reply[...])
                case .transmit(let negotiated, let leftover): return .success((negotiated, leftover))
                case .close(let reason): return .failure(Ended(ConnectionEnd(handshakeClosed: reason)))
                }
            }
        }
    }

    /// Received at once during the handshake.
    private static let handshakeBytes = 4096
}

extension ByteChannel {
    /// - Returns: whatever has arrived; empty at the end of the stream.
    func readSome(atMost byteCount: Int) async throws(SystemError) -> Bytes {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { buffer.deallocate() }
        let count = try await read(into: buffer)
        return Array(buffer.prefix(count))[...]
    }
}
