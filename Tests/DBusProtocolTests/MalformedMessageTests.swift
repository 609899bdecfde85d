import TestSupport
import Testing

@testable import DBusProtocol

/// Messages that every receiver has to hang up for.
struct MalformedMessageTests {
    /// `call / member "M"`, serial 1; `fields` go after the two, `body` at the end.
    static func call(fields: [UInt8] = [], body: [UInt8] = [], kind: UInt8 = 1) -> [UInt8] {
        var array = bytes(
            """
            01 01 6f 00 01000000 2f00 000000000000 | path "/"
            03 01 73 00 01000000 4d00              | member "M"
            """)
        if !fields.isEmpty {
            while array.count % 8 != 0 { array.append(0) }
            array += fields
        }
        var message: [UInt8] = [0x6C, kind, 0, 1]
        message.appendLittleEndian(UInt32(body.count))
        message.appendLittleEndian(UInt32(1))
        message.appendLittleEndian(UInt32(array.count))
        message += array
        while message.count % 8 != 0 { message.append(0) }
        return message + body
    }

    static func body(_ signature: String, _ body: [UInt8]) -> [UInt8] {
        let field: [UInt8] = [8, 1, 0x67, 0, UInt8(signature.utf8.count)] + Array(signature.utf8) + [0]
        return call(fields: field, body: body)
    }

    private func decode(_ message: [UInt8]) throws -> Message? {
        var decoder = MessageDecoder()
        decoder.append(message)
        return try decoder.next()?.message()
    }

    @Test func `the messages that the tables below spoil are good ones`() throws {
        #expect(try decode(Self.call())?.member == "M")
        #expect(try decode(Self.body("y", [1]))?.body == [.byte(1)])
        #expect(try decode(Self.call(kind: 5)) == nil)
    }

    @Test(
        arguments: [
            (0, 0x6D), (0, 0), (0, 0xFF), (1, 0), (3, 0), (3, 2), (8, 0), (15, 0x10), (7, 0x08), (4, 1),
            (12, 1), (12, 0xFF), (16, 0), (17, 0), (17, 2), (18, 0x73), (19, 1), (24, 0x2E), (25, 1), (26, 1),
            (31, 1), (32, 1), (32, 9), (40, 0x2E), (40, 0x31), (40, 0xC3), (40, 0), (41, 0x4D),
        ] as [(Int, UInt8)])
    func `one wrong byte in a header is never accepted`(offset: Int, value: UInt8) throws {
        var message = Self.call()
        message[offset] = value
        // A length that promises more leaves the decoder waiting; nothing else may.
        do {
            #expect(try decode(message) == nil)
            #expect((4...15).contains(offset))
        } catch is WireViolation {
            return
        }
    }

    @Test(arguments: [
        "02 01 73 00 05000000 612e622e2e00 | interface a.b..",
        "02 01 6f 00 02000000 2f6100       | interface as an object path",
        "02 01 73 00 1a000000 6f72672e667265656465736b746f702e444275732e4c6f63616c00 | reserved interface",
        "03 01 73 00 01000000 4e00         | member again",
        "05 01 75 00 00000000              | reply serial 0",
        "05 01 69 00 01000000              | reply serial as a signed number",
        "06 01 73 00 00000000 00           | empty destination",
        "06 01 73 00 03000000 612e3100     | destination a.1",
        "07 01 73 00 02000000 6162 00      | sender of one element",
        "08 01 67 00 01 7a00               | unknown type in the signature",
        "08 01 67 00 02 292800             | mis-nested signature",
        "08 01 67 00 01 7900               | a signature and no body",
        "09 01 75 00 01000000              | a descriptor that never came",
        "09 01 73 00 00000000 00           | descriptors as text",
        "00 01 79 00 00                    | field 0",
        "0a 02 7979 00 00 00               | unknown field of two types",
        "0a 01 62 00 0000 0000 02000000    | unknown field with a boolean of 2",
        "0a 00 00                          | unknown field of no type",
    ])
    func `one wrong header field is never accepted`(field: String) throws {
        #expect(throws: WireViolation.self) { try decode(Self.call(fields: bytes(field))) }
    }

    @Test(arguments: [
        ("b", "02000000"), ("b", "00000001"), ("b", ""), ("y", ""), ("y", "0000"), ("n", "00"),
        ("yu", "01 000001 05000000"), ("yn", "01 01 0500"), ("yt", "01 00000000000001 0000000000000000"),
        ("s", "00000000 01"), ("s", "01000000 61 61"), ("s", "01000000 00 00"), ("s", "02000000 c328 00"),
        ("s", "03000000 eda080 00"), ("s", "02000000 c080 00"), ("s", "04000000 f4908080 00"),
        ("s", "05000000 6161 00"), ("s", "ffffffff 00"), ("s", "fcffff7f 00"), ("s", "000000"),
        ("o", "00000000 00"), ("o", "01000000 61 00"), ("o", "02000000 2f2f 00"), ("o", "03000000 2f612f 00"),
        ("o", "03000000 2f2d61 00"), ("g", "01 7b 00"), ("g", "01 61 00"), ("g", "02 2829 00"),
        ("g", "01 72 00"), ("g", "01 79 01"), ("g", "05 79 00"), ("v", "00 00"), ("v", "02 7979 00 01 01"),
        ("v", "01 61 00 00000000"), ("v", "01 7a 00 00"), ("v", "01 79"), ("v", "01 79 00"),
        ("h", "00000000"),
        ("ay", "02000000 00"), ("ay", "00000000 00"), ("aq", "03000000 000000"),
        ("ai", "06000000 000000000000"),
        ("at", "08000000 01000000 0000000000000000"), ("at", "04000000 00000000 00000000"),
        ("ab", "04000000 02000000"), ("ay", "01000004"), ("ay", "ffffffff"), ("as", "05000000 00000000"),
        ("a{sv}", "01000000 00000000 00"), ("a{yy}", "03000000 00000000 010203"), ("(y)", ""), ("(yy)", "01"),
        ("a(y)", "02000000 00000000 0101"), ("av", "03000000 017900"),
    ])
    func `one wrong body is never accepted`(signature: String, body: String) throws {
        #expect(throws: WireViolation.self) { try decode(Self.body(signature, bytes(body))) }
    }

    @Test(arguments: [
        "a", "(", ")", "()", "{", "}", "{sv}", "a{}", "a{s}", "a{sv", "a{svv}", "a{vs}", "a{(s)v}", "aa",
        "(a)",
        "z", "r", "e", "m", "*", "?", "@", "&", "^", "y\0", "(y", "y)", "a{asv}", "ä",
        String(repeating: "y", count: 256), String(repeating: "a", count: 33) + "y",
        String(repeating: "(", count: 33) + "y" + String(repeating: ")", count: 33),
    ])
    func `a wrong signature is refused`(signature: String) {
        #expect(!Signature.isValid(signature))
    }

    @Test(arguments: [
        "", "y", "ybnqiuxtdsogvh", "a{s(iv)}", "aa{yaa{sv}}", "((((y))))", String(repeating: "y", count: 255),
        String(repeating: "a", count: 32) + "y",
        String(repeating: "(", count: 32) + "y" + String(repeating: ")", count: 32),
    ])
    func `a right signature is taken apart and put together`(signature: String) throws {
        #expect(try Signature.types(signature).map(\.text).joined() == signature)
    }

    @Test(arguments: [0, 63, 64, 65, 100])
    func `variants nest 64 deep and no deeper`(depth: Int) throws {
        var body: [UInt8] = []
        for _ in 0..<depth { body += [1, 0x76, 0] }
        body += [1, 0x79, 0, 7]
        let isAccepted = (try? decode(Self.body("v", body))) != nil
        #expect(isAccepted == (depth + 1 <= 64))
    }

    @Test(arguments: [0x6C, 0x42] as [UInt8])
    func `a message cut short anywhere waits, and cut with its length breaks`(order: UInt8) throws {
        let whole = order == 0x6C ? try MessageEncoder.encode(sampleCall(sampleValues)).bytes : Self.bigEndian
        for count in 0..<whole.count {
            var decoder = MessageDecoder()
            decoder.append(whole.prefix(count))
            #expect(try decoder.next() == nil, "\(count) of \(whole.count) bytes")
        }
        let header = order == 0x6C ? try MessageEncoder.encode(sampleCall()).bytes.count : whole.count
        for missing in stride(from: 1, to: whole.count - header - 8, by: 1) {
            var short = Array(whole.dropLast(missing))
            let length = whole[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) } - missing
            short.replaceSubrange(4..<8, with: (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
            #expect(throws: WireViolation.self) { try decode(short) }
        }
        #expect(try decode(whole) != nil)
    }

    static let bigEndian = bytes(
        """
        42 04 01 01 0000000d 00000102 00000038 | signal, 13 bytes of body, serial 258, 56 of fields
        01 01 6f 00 00000002 2f61 00 0000000000 | path "/a"
        02 01 73 00 00000003 612e62 00 00000000 | interface "a.b"
        03 01 73 00 00000001 4d 00              | member "M"
        000000000000                            | padding
        08 01 67 00 02 7573 00                  | signature "us"
        01020304 00000004 61626364 00           | 0x01020304, "abcd"
        """)

    @Test func `big-endian messages are read too`() throws {
        let decoded = try #require(try decode(Self.bigEndian))
        #expect(decoded.serial == 258 && decoded.path == "/a" && decoded.interface == "a.b")
        #expect(decoded.body == [.uint32(0x0102_0304), .string("abcd")])
    }

    @Test func `no single changed byte makes the decoder trap`() throws {
        let whole = try MessageEncoder.encode(sampleCall(sampleValues)).bytes
        var random = SeededGenerator(seed: 7)
        var accepted = 0
        for _ in 0..<20_000 {
            var changed = whole
            changed[Int.random(in: 0..<changed.count, using: &random)] = UInt8.random(
                in: 0...255, using: &random)
            if (try? decode(changed)) != nil { accepted += 1 }
        }
        // Some changes only change a value.
        #expect(accepted > 0 && accepted < 20_000)
    }
}
