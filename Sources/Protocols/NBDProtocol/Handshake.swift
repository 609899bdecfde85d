package import WireFormat

/// Numbers of the handshake (NBD protocol, "Newstyle negotiation").
package enum Handshake {
    /// "NBDMAGIC", the first eight bytes of any server.
    package static let greetingMagic: UInt64 = 0x4E42_444D_4147_4943
    /// "IHAVEOPT", second in the greeting and first in each option.
    package static let optionMagic: UInt64 = 0x4948_4156_454F_5054
    package static let optionReplyMagic: UInt64 = 0x0003_E889_0455_65A9
    /// What an oldstyle server has in place of ``optionMagic``.
    package static let oldstyleMagic: UInt64 = 0x0000_4202_8186_1253

    package static let greetingByteCount = 18
    package static let optionHeaderByteCount = 16
    package static let optionReplyHeaderByteCount = 20
    /// Zeroes after the answer to EXPORT_NAME, unless both sides agreed to leave them out.
    package static let exportNamePadding = 124
    /// Any string of the protocol ("Values": "no longer than 4096 bytes").
    package static let maximumStringBytes = 4096
}

/// Bit 0 and 1 mean the same in the server's u16 and the client's u32.
package struct HandshakeFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let fixedNewstyle = HandshakeFlags(rawValue: 1 << 0)
    package static let noZeroes = HandshakeFlags(rawValue: 1 << 1)
    package static let known: HandshakeFlags = [.fixedNewstyle, .noZeroes]
}

/// What a client may ask for during option haggling. An open set: servers answer others ERR_UNSUP.
package struct OptionCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let exportName = OptionCode(rawValue: 1)
    package static let abort = OptionCode(rawValue: 2)
    package static let list = OptionCode(rawValue: 3)
    package static let startTLS = OptionCode(rawValue: 5)
    package static let info = OptionCode(rawValue: 6)
    package static let go = OptionCode(rawValue: 7)
    package static let structuredReply = OptionCode(rawValue: 8)
    package static let listMetaContext = OptionCode(rawValue: 9)
    package static let setMetaContext = OptionCode(rawValue: 10)
}

/// NBD protocol, "Option reply types". Bit 31 marks an error.
package struct OptionReplyType: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let acknowledge = OptionReplyType(rawValue: 1)
    package static let server = OptionReplyType(rawValue: 2)
    package static let info = OptionReplyType(rawValue: 3)
    package static let metaContext = OptionReplyType(rawValue: 4)
    package static let unsupported = OptionReplyType(rawValue: 1 << 31 | 1)
    package static let policy = OptionReplyType(rawValue: 1 << 31 | 2)
    package static let invalid = OptionReplyType(rawValue: 1 << 31 | 3)
    package static let platform = OptionReplyType(rawValue: 1 << 31 | 4)
    package static let tlsRequired = OptionReplyType(rawValue: 1 << 31 | 5)
    package static let unknown = OptionReplyType(rawValue: 1 << 31 | 6)
    package static let shutdown = OptionReplyType(rawValue: 1 << 31 | 7)
    package static let blockSizeRequired = OptionReplyType(rawValue: 1 << 31 | 8)
    package static let tooBig = OptionReplyType(rawValue: 1 << 31 | 9)

    package var isError: Bool { rawValue & 1 << 31 != 0 }
}

/// What an INFO or GO may tell of an export. An open set: unknown ones are skipped.
package struct InfoType: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let export = InfoType(rawValue: 0)
    package static let name = InfoType(rawValue: 1)
    package static let description = InfoType(rawValue: 2)
    package static let blockSize = InfoType(rawValue: 3)
}

/// An option request, big-endian:
///
///     | "IHAVEOPT" u64 | option u32 | length u32 | data |
package enum OptionRequest {
    package static func encode(_ option: OptionCode, _ data: [UInt8] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(Handshake.optionMagic)
        bytes.appendBigEndian(option.rawValue)
        bytes.appendBigEndian(UInt32(data.count))
        bytes += data
        return bytes
    }
}

/// The header of an option reply, 20 bytes, big-endian:
///
///     | 0x0003e889045565a9 u64 | option u32 | reply type u32 | length u32 |
package struct OptionReply: Equatable, Sendable {
    package var option: OptionCode
    package var type: OptionReplyType
    package var length: UInt32

    package init(option: OptionCode, type: OptionReplyType, length: UInt32) {
        self.option = option
        self.type = type
        self.length = length
    }

    /// Reads one header from the front of `buffer`, which stays as it is.
    ///
    /// - Returns: `nil` until all 20 bytes have arrived.
    /// - Throws: ``ProtocolViolation/badMagic(found:expected:)``.
    package static func peek(_ buffer: Bytes) throws(ProtocolViolation) -> OptionReply? {
        guard buffer.count >= Handshake.optionReplyHeaderByteCount else { return nil }
        var header = buffer
        let magic = header.takeBigEndian(as: UInt64.self)
        guard magic == Handshake.optionReplyMagic else {
            throw .badMagic(found: magic, expected: Handshake.optionReplyMagic)
        }
        return OptionReply(
            option: OptionCode(rawValue: header.takeBigEndian()),
            type: OptionReplyType(rawValue: header.takeBigEndian()), length: header.takeBigEndian())
    }

    package static func encode(_ option: OptionCode, _ type: OptionReplyType, _ data: [UInt8] = [])
        -> [UInt8]
    {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(Handshake.optionReplyMagic)
        bytes.appendBigEndian(option.rawValue)
        bytes.appendBigEndian(type.rawValue)
        bytes.appendBigEndian(UInt32(data.count))
        bytes += data
        return bytes
    }
}

/// Strings as the protocol wants them: UTF-8, no NUL, at most 4096 bytes ("Values").
package enum ProtocolString {
    /// - Returns: `nil` when `bytes` break one of the rules.
    package static func decode(_ bytes: Bytes) -> String? {
        guard bytes.count <= Handshake.maximumStringBytes, !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
