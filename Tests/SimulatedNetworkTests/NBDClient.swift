import BlockStorage
import FaultPoints
import NBDProtocol
import Synchronization
import VirtualMedia

@testable import SimulatedNetwork

/// A client in transmission, whose replies a test takes off the channel itself.
final class NBDClient: Sendable {
    struct Failure: Error { let reason: String }

    let channel: any ByteChannel
    let info: ExportInfo

    init(_ channel: any ByteChannel) async throws {
        self.channel = channel
        var handshake = ClientHandshake(exportName: "")
        while true {
            let bytes = try await channel.readSome(atMost: 4096)
            guard !bytes.isEmpty else { throw Failure(reason: "hung up") }
            for action in try handshake.receive(bytes) {
                switch action {
                case .send(let bytes): try await channel.write(bytes[...])
                case .refused(let refusal): throw refusal
                case .ready(let info, let leftover):
                    guard leftover.isEmpty else { throw Failure(reason: "left over: \(leftover)") }
                    self.info = info
                    return
                }
            }
        }
    }

    /// Sends a request, whatever becomes of it.
    func ask(
        _ command: Command, at offset: UInt64 = 0, _ length: Int = 0, flags: CommandFlags = [],
        cookie: UInt64, payload: [UInt8] = []
    ) async {
        var bytes: [UInt8] = []
        Request(flags: flags, command: command, cookie: cookie, offset: offset, length: UInt32(length))
            .encode(into: &bytes)
        _ = await channel.send(bytes + payload)
    }

    /// - Returns: the error number of a reply without data; `nil` at the end of the stream.
    func answer(cookie: UInt64) async throws -> UInt32? {
        let header = try await receive(SimpleReply.byteCount, from: channel)
        var bytes = header[...]
        guard let reply = try SimpleReply.decode(from: &bytes) else { return nil }
        guard reply.cookie == cookie else { throw Failure(reason: "cookie \(reply.cookie)") }
        return reply.error
    }

    func call(
        _ command: Command, at offset: UInt64 = 0, _ length: Int = 0, flags: CommandFlags = [],
        payload: [UInt8] = []
    ) async throws -> UInt32? {
        await ask(command, at: offset, length, flags: flags, cookie: 1, payload: payload)
        return try await answer(cookie: 1)
    }

    func read(_ byteCount: Int, at offset: UInt64) async throws -> [UInt8] {
        guard let error = try await call(.read, at: offset, byteCount) else {
            throw Failure(reason: "hung up")
        }
        guard error == 0 else { throw Failure(reason: "error \(error)") }
        return try await receive(byteCount, from: channel)
    }
}

/// A store whose reads wait until the test lets them go.
final class HeldStore: BlockStore {
    let hold = FaultHold()
    private let base: any BlockStore
    private let counts = Mutex((waiting: 0, most: 0))

    init(_ base: any BlockStore) { self.base = base }
    var waiting: Int { counts.withLock { $0.waiting } }
    var mostAtOnce: Int { counts.withLock { $0.most } }
    var byteCount: UInt64 { base.byteCount }
    var isReadOnly: Bool { base.isReadOnly }
    var capabilities: StoreCapabilities { base.capabilities }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) async throws(StorageError) {
        counts.withLock { counts in
            counts.waiting += 1
            counts.most = max(counts.most, counts.waiting)
        }
        await hold.released()
        counts.withLock { $0.waiting -= 1 }
        try await base.read(into: buffer, at: offset)
    }
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    {
        try await base.write(buffer, at: offset, isDurable: isDurable)
    }
    func flush() async throws(StorageError) { try await base.flush() }
    func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError) {
        try await base.trim(at: offset, byteCount: byteCount)
    }
    func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    {
        try await base.writeZeroes(
            at: offset, byteCount: byteCount, mayPunchHole: mayPunchHole, isDurable: isDurable)
    }
    func extents(at offset: UInt64, byteCount: UInt64) async throws(StorageError) -> [Extent] {
        try await base.extents(at: offset, byteCount: byteCount)
    }
    func close() async { await base.close() }
}
