package import WireFormat

/// A request header, 28 bytes, big-endian (NBD protocol, "Request message"):
///
///     | magic u32 | flags u16 | command u16 | cookie u64 | offset u64 | length u32 |
package struct Request: Equatable, Sendable {
    package static let byteCount = 28
    package static let magic: UInt32 = 0x2560_9513

    package var flags: CommandFlags
    package var command: Command
    /// Chosen by the client, echoed in the reply, opaque to the server.
    package var cookie: UInt64
    /// Bytes from the start of the export.
    package var offset: UInt64
    package var length: UInt32

    package init(
        flags: CommandFlags = [], command: Command, cookie: UInt64, offset: UInt64 = 0,
        length: UInt32 = 0
    ) {
        self.flags = flags
        self.command = command
        self.cookie = cookie
        self.offset = offset
        self.length = length
    }

    /// Takes one header off the front of `buffer`.
    ///
    /// - Returns: `nil`, with `buffer` untouched, until all 28 bytes have arrived.
    /// - Throws: ``ProtocolViolation/badMagic(found:expected:)`` when the peer has lost framing.
    package static func decode(from buffer: inout Bytes) throws(ProtocolViolation) -> Request? {
        guard buffer.count >= byteCount else { return nil }
        var header = buffer.prefix(byteCount)
        let found = header.takeBigEndian(as: UInt32.self)
        guard found == magic else {
            throw .badMagic(found: UInt64(found), expected: UInt64(magic))
        }
        buffer.removeFirst(byteCount)
        return Request(
            flags: CommandFlags(rawValue: header.takeBigEndian()),
            command: Command(rawValue: header.takeBigEndian()),
            cookie: header.takeBigEndian(), offset: header.takeBigEndian(),
            length: header.takeBigEndian())
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Self.magic)
        bytes.appendBigEndian(flags.rawValue)
        bytes.appendBigEndian(command.rawValue)
        bytes.appendBigEndian(cookie)
        bytes.appendBigEndian(offset)
        bytes.appendBigEndian(length)
    }
}

extension Request {
    /// The same from memory that is not an array, for a data plane that must not allocate.
    ///
    /// - Precondition: 28 bytes are there.
    package static func decode(_ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) -> Request {
        precondition(bytes.count >= byteCount, "\(bytes.count) bytes are no request header")
        let found = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
        guard found == magic else {
            throw .badMagic(found: UInt64(found), expected: UInt64(magic))
        }
        return Request(
            flags: CommandFlags(
                rawValue: UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt16.self))),
            command: Command(
                rawValue: UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self))),
            cookie: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            offset: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
            length: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self)))
    }
}
