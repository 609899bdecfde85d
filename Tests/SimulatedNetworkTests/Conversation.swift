import BlockStorage
import NBDProtocol
import NBDServer
import TestSupport
import Testing
import VirtualMedia
import WireFormat

/// What a client says from its connection's start to its end, whatever it is answered.
struct Conversation: Sendable, CustomTestStringConvertible {
    struct Call: Sendable {
        var request: Request
        var payload: [UInt8] = []

        init(
            _ command: Command, at offset: UInt64 = 0, _ length: Int = 0, flags: CommandFlags = [],
            payload: [UInt8] = []
        ) {
            request = Request(
                flags: flags, command: command, cookie: 0, offset: offset, length: UInt32(length))
            self.payload = payload
        }

        static func write(_ payload: [UInt8], at offset: UInt64, flags: CommandFlags = []) -> Call {
            Call(.write, at: offset, payload.count, flags: flags, payload: payload)
        }
    }

    var name: String
    var exportName = ""
    var isReadOnly = false
    /// After the greeting.
    var handshake: [UInt8]
    var calls: [Call] = []
    /// Sent last, instead of a DISC.
    var ending: [UInt8]?

    var testDescription: String { name }

    var bytes: [UInt8] {
        var bytes = handshake
        for (number, call) in calls.enumerated() {
            var request = call.request
            request.cookie = Self.cookie(number)
            request.encode(into: &bytes)
            bytes += call.payload
        }
        if let ending { return bytes + ending }
        if !calls.isEmpty { Request(command: .disconnect, cookie: 0).encode(into: &bytes) }
        return bytes
    }

    static func cookie(_ number: Int) -> UInt64 { 0xC00C_1E00_0000_0000 | UInt64(number) }
}

/// What a server said, and how it saw the end.
struct Answer: Equatable, Sendable {
    /// Replies by cookie, each whole; the handshake is in front of them, under no cookie.
    var replies: [UInt64?: [UInt8]]
    /// What could not be told apart any more.
    var rest: [UInt8]
    var end: ConnectionEnd

    /// - Parameter calls: whose replies follow the handshake.
    init(_ received: [UInt8], handshakeBytes: Int, calls: [Conversation.Call], end: ConnectionEnd) {
        var rest = received[...]
        replies = [nil: Array(rest.take(min(handshakeBytes, rest.count)) ?? [])]
        while let (cookie, reply) = Self.takeReply(from: &rest, calls) {
            replies[cookie, default: []] += reply
        }
        self.rest = Array(rest)
        self.end = end
    }

    private static func takeReply(from rest: inout Bytes, _ calls: [Conversation.Call]) -> (UInt64, Bytes)? {
        guard rest.count >= SimpleReply.byteCount else { return nil }
        var header = rest
        let isStructured = header.takeBigEndian(as: UInt32.self) == StructuredReply.magic
        let word = header.takeBigEndian(as: UInt32.self)
        let cookie = header.takeBigEndian(as: UInt64.self)
        var byteCount = SimpleReply.byteCount
        if isStructured {
            guard header.count >= 4 else { return nil }
            byteCount = StructuredReply.byteCount + Int(header.takeBigEndian(as: UInt32.self))
        } else if word == 0 {
            let number = Int(truncatingIfNeeded: cookie & 0xFFFF)
            guard calls.indices.contains(number) else { return nil }
            let request = calls[number].request
            if request.command == .read { byteCount += Int(request.length) }
        }
        return rest.take(byteCount).map { (cookie, $0) }
    }
}

extension ByteChannel {
    /// Says all of it, and listens until the other side hangs up.
    func converse(_ bytes: [UInt8], closeWriting: () -> Void) async throws -> [UInt8] {
        // A server that has dropped us in the middle takes no more.
        do { try await write(bytes[...]) } catch {}
        closeWriting()
        var received: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try await read(into: buffer)
            guard count > 0 else { return received }
            received.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}

/// A store that suspends before every call, in front of any other.
final class SuspendingStore: BlockStore {
    private let base: any BlockStore
    init(_ base: any BlockStore) { self.base = base }
    var byteCount: UInt64 { base.byteCount }
    var isReadOnly: Bool { base.isReadOnly }
    var capabilities: StoreCapabilities { base.capabilities }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) async throws(StorageError) {
        await Task.yield()
        try await base.read(into: buffer, at: offset)
    }
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    {
        await Task.yield()
        try await base.write(buffer, at: offset, isDurable: isDurable)
    }
    func flush() async throws(StorageError) {
        await Task.yield()
        try await base.flush()
    }
    func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError) {
        await Task.yield()
        try await base.trim(at: offset, byteCount: byteCount)
    }
    func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    {
        await Task.yield()
        try await base.writeZeroes(
            at: offset, byteCount: byteCount, mayPunchHole: mayPunchHole, isDurable: isDurable)
    }
    func extents(at offset: UInt64, byteCount: UInt64) async throws(StorageError) -> [Extent] {
        await Task.yield()
        return try await base.extents(at: offset, byteCount: byteCount)
    }
    func close() async { await base.close() }
}
