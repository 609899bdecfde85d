internal import WireFormat

/// The header of one chunk of a structured reply, 20 bytes, big-endian (NBD protocol, "Structured
/// reply chunk message"):
///
///     | magic u32 | flags u16 | type u16 | cookie u64 | length u32 |
package struct StructuredReply: Equatable, Sendable {
    package static let byteCount = 20
    package static let magic: UInt32 = 0x668E_33EF
    /// The chunk is the last one of its reply.
    package static let doneFlag: UInt16 = 1 << 0

    package struct ChunkType: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        package static let none = ChunkType(rawValue: 0)
        package static let offsetData = ChunkType(rawValue: 1)
        package static let offsetHole = ChunkType(rawValue: 2)
        package static let blockStatus = ChunkType(rawValue: 5)
        package static let error = ChunkType(rawValue: 1 << 15 | 1)
        package static let errorOffset = ChunkType(rawValue: 1 << 15 | 2)

        package var isError: Bool { rawValue & 1 << 15 != 0 }
    }

    package var isDone: Bool
    package var type: ChunkType
    package var cookie: UInt64
    /// Bytes that follow this header.
    package var length: UInt32

    package init(isDone: Bool, type: ChunkType, cookie: UInt64, length: UInt32) {
        self.isDone = isDone
        self.type = type
        self.cookie = cookie
        self.length = length
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Self.magic)
        bytes.appendBigEndian(isDone ? Self.doneFlag : 0)
        bytes.appendBigEndian(type.rawValue)
        bytes.appendBigEndian(cookie)
        bytes.appendBigEndian(length)
    }

    /// The rest of a chunk header, after a magic that was looked at already.
    ///
    /// - Precondition: 16 bytes are there.
    static func decodeAfterMagic(_ bytes: Bytes) throws(ProtocolViolation) -> StructuredReply {
        var rest = bytes
        let flags = rest.takeBigEndian(as: UInt16.self)
        guard flags & ~doneFlag == 0 else { throw .broken(rule: "chunk flags \(flags)") }
        return StructuredReply(
            isDone: flags & doneFlag != 0, type: ChunkType(rawValue: rest.takeBigEndian()),
            cookie: rest.takeBigEndian(), length: rest.takeBigEndian())
    }
}

extension StructuredReply {
    /// A whole reply that says no more than that the command was carried out.
    package static func done(cookie: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        StructuredReply(isDone: true, type: .none, cookie: cookie, length: 0).encode(into: &bytes)
        return bytes
    }

    /// A whole reply of one error, with a text for people, cut at the protocol's limit.
    package static func error(_ error: ErrorNumber, _ message: String, cookie: UInt64) -> [UInt8] {
        var text = message
        while text.utf8.count > Handshake.maximumStringBytes { text.removeLast() }
        var bytes: [UInt8] = []
        StructuredReply(isDone: true, type: .error, cookie: cookie, length: UInt32(6 + text.utf8.count))
            .encode(into: &bytes)
        bytes.appendBigEndian(error.rawValue)
        bytes.appendBigEndian(UInt16(text.utf8.count))
        bytes += text.utf8
        return bytes
    }

    /// What precedes the data of an OFFSET_DATA chunk.
    package static func dataHeader(offset: UInt64, length: UInt32, isDone: Bool, cookie: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(28)
        StructuredReply(isDone: isDone, type: .offsetData, cookie: cookie, length: length + 8)
            .encode(into: &bytes)
        bytes.appendBigEndian(offset)
        return bytes
    }

    package static func hole(offset: UInt64, length: UInt32, isDone: Bool, cookie: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        StructuredReply(isDone: isDone, type: .offsetHole, cookie: cookie, length: 12).encode(into: &bytes)
        bytes.appendBigEndian(offset)
        bytes.appendBigEndian(length)
        return bytes
    }

    /// - Parameter extents: length and flags of each run, in order; at least one.
    package static func blockStatus(
        _ extents: [(byteCount: UInt32, flags: UInt32)], context: UInt32, cookie: UInt64
    ) -> [UInt8] {
        precondition(!extents.isEmpty, "block status needs an extent")
        var bytes: [UInt8] = []
        StructuredReply(
            isDone: true, type: .blockStatus, cookie: cookie, length: UInt32(4 + 8 * extents.count)
        ).encode(into: &bytes)
        bytes.appendBigEndian(context)
        for extent in extents {
            bytes.appendBigEndian(extent.byteCount)
            bytes.appendBigEndian(extent.flags)
        }
        return bytes
    }
}
