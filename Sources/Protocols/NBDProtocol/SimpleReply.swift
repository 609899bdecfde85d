package import WireFormat

/// A simple reply header, 16 bytes, big-endian (NBD protocol, "Simple reply message"):
///
///     | magic u32 | error u32 | cookie u64 |
///
/// The data of a read follows it only when `error` is zero.
package struct SimpleReply: Equatable, Sendable {
    package static let byteCount = 16
    package static let magic: UInt32 = 0x6744_6698

    /// An NBD error number ("Error values"), zero for success.
    package var error: UInt32
    package var cookie: UInt64

    package init(error: UInt32, cookie: UInt64) {
        self.error = error
        self.cookie = cookie
    }

    /// Takes one header off the front of `buffer`.
    ///
    /// - Returns: `nil`, with `buffer` untouched, until all 16 bytes have arrived.
    /// - Throws: ``ProtocolViolation/badMagic(found:expected:)`` when the peer has lost framing.
    package static func decode(from buffer: inout Bytes) throws(ProtocolViolation) -> SimpleReply? {
        guard buffer.count >= byteCount else { return nil }
        var header = buffer.prefix(byteCount)
        let found = header.takeBigEndian(as: UInt32.self)
        guard found == magic else {
            throw .badMagic(found: UInt64(found), expected: UInt64(magic))
        }
        buffer.removeFirst(byteCount)
        return SimpleReply(error: header.takeBigEndian(), cookie: header.takeBigEndian())
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Self.magic)
        bytes.appendBigEndian(error)
        bytes.appendBigEndian(cookie)
    }
}
