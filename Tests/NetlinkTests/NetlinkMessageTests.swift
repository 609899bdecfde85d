import TestSupport
import Testing
import WireFormat

@testable import Netlink

/// The vectors are those of a little-endian machine.
struct NetlinkMessageTests {
    static let acknowledgement = bytes(
        """
        24000000 | 36 bytes
        0200     | error
        0001     | capped: only the request's header follows
        07000000 | sequence 7
        39300000 | port 12345
        00000000 | no error
        3c000000 10000500 07000000 39300000 | the request's header
        """)

    static func wholeMessage(_ bytes: [UInt8]) throws -> NetlinkMessage? {
        var buffer = bytes[...]
        return try NetlinkMessage.decode(from: &buffer)
    }

    @Test func `a message has its header before its payload, and ends at a multiple of four`() {
        let message = NetlinkMessage(
            kind: NetlinkMessage.Kind(rawValue: 0x10), flags: [.request, .acknowledge], sequence: 7,
            payload: [0xAA, 0xBB, 0xCC])
        #expect(
            message.encoded()
                == bytes("13000000 1000 0500 07000000 00000000 | 19 bytes\n aabbcc 00 | and one to fill up"))
    }

    @Test(arguments: 0..<36)
    func `a message cut short is waited for, and left where it is`(byteCount: Int) throws {
        var buffer = Self.acknowledgement.prefix(byteCount)
        #expect(try NetlinkMessage.decode(from: &buffer) == nil)
        #expect(buffer.count == byteCount)
    }

    @Test func `a message comes out the same whole, byte by byte and in portions`() throws {
        let glued = Self.acknowledgement + Self.acknowledgement
        for portions in portions(of: glued) {
            var buffer: Bytes = []
            var found: [NetlinkMessage] = []
            for portion in portions {
                buffer += portion
                while let message = try NetlinkMessage.decode(from: &buffer) { found.append(message) }
            }
            #expect(found.count == 2 && found[0] == found[1] && buffer.isEmpty)
            #expect(found[0].kind == .error && found[0].sequence == 7 && found[0].port == 12345)
        }
    }

    @Test func `a last message without its filling is whole`() throws {
        var buffer = bytes("13000000 1000 0000 00000000 00000000 aabbcc")[...]
        #expect(try NetlinkMessage.decode(from: &buffer)?.payload == [0xAA, 0xBB, 0xCC])
        #expect(buffer.isEmpty)
    }

    @Test(arguments: [0, 1, 15, 65_537, 0xFFFF_FFFF] as [UInt32])
    func `a length that no message has is refused`(byteCount: UInt32) {
        var buffer: [UInt8] = []
        buffer.appendHostOrder(byteCount)
        buffer += [UInt8](repeating: 0, count: 28)
        #expect(throws: NetlinkViolation.badLength(Int(byteCount))) { try Self.wholeMessage(buffer) }
    }
}

struct NetlinkAttributeTests {
    @Test func `each kind of value has its length, its kind and its filling`() throws {
        var encoded: [UInt8] = []
        NetlinkAttribute(1, UInt32(7)).encode(into: &encoded)
        NetlinkAttribute(2, "nbd").encode(into: &encoded)
        NetlinkAttribute(3, UInt8(1)).encode(into: &encoded)
        NetlinkAttribute(7, [NetlinkAttribute(1, UInt16(0x1234))]).encode(into: &encoded)
        #expect(
            encoded
                == bytes(
                    """
                    0800 0100 07000000
                    0800 0200 6e626400 | "nbd" and its NUL
                    0500 0300 01 000000
                    0c00 0780 | nested
                        0600 0100 3412 0000
                    """))
        let decoded = try NetlinkAttribute.decodeAll(encoded[...])
        #expect(decoded.map(\.kind) == [1, 2, 3, 7])
        #expect(try decoded[0].number(as: UInt32.self) == 7)
        #expect(decoded[1].text == "nbd")
        #expect(try decoded[3].attributes()[kind: 1]?.number(as: UInt16.self) == 0x1234)
    }

    static let broken: [(String, NetlinkViolation)] = [
        ("03", .badAttributeLength(1, available: 1)),
        ("040001", .badAttributeLength(3, available: 3)),
        ("0300 0100", .badAttributeLength(3, available: 4)),
        ("0000 0100", .badAttributeLength(0, available: 4)),
        ("0900 0100 00000000", .badAttributeLength(9, available: 8)),
        ("ffff 0100 00000000", .badAttributeLength(65535, available: 8)),
        ("0500 0100 01000000 0500", .badAttributeLength(2, available: 2)),
    ]

    @Test(arguments: broken.indices)
    func `attributes whose lengths do not add up are refused`(index: Int) {
        let (text, violation) = Self.broken[index]
        #expect(throws: violation) { try NetlinkAttribute.decodeAll(bytes(text)[...]) }
    }

    @Test func `a number that is not all there is refused, and text may lack its end`() throws {
        #expect(throws: NetlinkViolation.tooShort("attribute 1")) {
            try NetlinkAttribute(1, UInt16(1)).number(as: UInt32.self)
        }
        #expect(NetlinkAttribute(1, bytes: Array("abc".utf8)).text == "abc")
        #expect(NetlinkAttribute(1, bytes: Array("a\0bc".utf8)).text == "a")
    }
}
