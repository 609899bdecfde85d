import TestSupport
import Testing
import WireFormat

@testable import NBDProtocol

struct ClientHandshakeTests {
    static let greeting = bytes(
        """
        4e42444d41474943 49484156454f5054 | NBDMAGIC IHAVEOPT
        0003                              | fixed newstyle, no zeroes
        """)
    static let export = bytes(
        """
        0003e889045565a9 00000007 00000003 0000000c | option reply, GO, INFO, 12 bytes
        0000 0000000000100000 0003                  | export, 1 MiB, has flags, read-only
        """)
    static let blockSize = bytes(
        """
        0003e889045565a9 00000007 00000003 0000000e | option reply, GO, INFO, 14 bytes
        0003 00000200 00001000 00100000             | block size: 512, 4096, 1 MiB
        """)
    static let acknowledge = bytes("0003e889045565a9 00000007 00000001 00000000 | GO acknowledged")
    static let structuredAcknowledge = bytes(
        "0003e889045565a9 00000008 00000001 00000000 | STRUCTURED_REPLY acknowledged")
    static let goUnsupported = bytes("0003e889045565a9 00000007 80000001 00000000 | GO: ERR_UNSUP")

    static let askGo = bytes(
        """
        49484156454f5054 00000007 0000000c | IHAVEOPT, GO, 12 bytes
        00000004 64697363                  | the name "disc"
        0001 0003                          | one information request: block size
        """)
    static let askStructured = bytes("49484156454f5054 00000008 00000000 | STRUCTURED_REPLY")
    static let askExportName = bytes("49484156454f5054 00000001 00000004 64697363 | EXPORT_NAME disc")
    static let clientFlags = bytes("00000003 | fixed newstyle, no zeroes")

    static func info(_ change: (inout ExportInfo) -> Void = { _ in }) -> ExportInfo {
        var info = ExportInfo(byteCount: 1 << 20, flags: [.hasFlags, .isReadOnly])
        change(&info)
        return info
    }

    static func run(_ portions: [Bytes], structured: Bool = false) throws -> [ClientHandshake.Action] {
        var handshake = ClientHandshake(exportName: "disc", wantsStructuredReplies: structured)
        return try portions.flatMap { try handshake.receive($0) }
    }

    @Test(arguments: portions(of: greeting + structuredAcknowledge + export + blockSize + acknowledge))
    func `structured replies, then GO with block sizes`(portions: [Bytes]) throws {
        let expected = Self.info {
            $0.minimumBlockBytes = 512
            $0.maximumPayloadBytes = 1 << 20
            $0.hasStructuredReplies = true
        }
        #expect(
            try Self.run(portions, structured: true) == [
                .send(Self.clientFlags + Self.askStructured), .send(Self.askGo),
                .ready(expected, leftover: []),
            ])
    }

    @Test(arguments: portions(of: greeting + goUnsupported + bytes("0000000000100000 0003")))
    func `a server that knows no GO is asked by EXPORT_NAME`(portions: [Bytes]) throws {
        #expect(
            try Self.run(portions) == [
                .send(Self.clientFlags + Self.askGo), .send(Self.askExportName),
                .ready(Self.info(), leftover: []),
            ])
    }

    @Test(arguments: [UInt16(0), 1])
    func `without NO_ZEROES 124 bytes of padding precede the transmission`(flags: UInt16) throws {
        var input = Array(Self.greeting.dropLast(2))
        input.appendBigEndian(flags)
        if flags == 1 { input += Self.goUnsupported }
        input += bytes("0000000000100000 0003") + [UInt8](repeating: 0, count: 124) + [7, 8]
        let last = try Self.run([input[...]]).last
        #expect(last == .ready(Self.info(), leftover: [7, 8]))
    }

    @Test(arguments: 0..<(greeting.count + export.count + acknowledge.count))
    func `a handshake cut at any byte is not ready and no violation`(byteCount: Int) throws {
        let whole = Self.greeting + Self.export + Self.acknowledge
        let actions = try Self.run([whole.prefix(byteCount)])
        #expect(!actions.contains { if case .ready = $0 { true } else { false } })
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 9, 4711] as [UInt32])
    func `an error reply is a refusal in the server's words, except ERR_UNSUP`(code: UInt32) throws {
        let text = Array("no, and here is why: ä".utf8)
        let reply = OptionReply.encode(.go, OptionReplyType(rawValue: 1 << 31 | code), text)
        let actions = try Self.run([Self.greeting[...], reply[...]])
        if code == 1 {
            #expect(actions.last == .send(Self.askExportName))
        } else {
            let refusal = HandshakeRefusal(replyType: 1 << 31 | code, message: "no, and here is why: ä")
            #expect(actions.suffix(2) == [.send(OptionRequest.encode(.abort)), .refused(refusal)])
        }
    }

    @Test(arguments: [1, 2, 9] as [UInt32])
    func `a server without structured replies is used without them`(code: UInt32) throws {
        let no = OptionReply.encode(.structuredReply, OptionReplyType(rawValue: 1 << 31 | code))
        let actions = try Self.run(
            [Self.greeting[...], no[...], Self.export[...], Self.acknowledge[...]], structured: true)
        #expect(actions.last == .ready(Self.info(), leftover: []))
    }

    struct Broken: CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
    }

    static func go(_ type: OptionReplyType, _ data: String) -> [UInt8] {
        greeting + OptionReply.encode(.go, type, bytes(data))
    }

    static let broken = [
        Broken(testDescription: "first magic", bytes: bytes("4e42444d41474944")),
        Broken(testDescription: "second magic", bytes: bytes("4e42444d41474943 49484156454f5055")),
        Broken(testDescription: "oldstyle", bytes: bytes("4e42444d41474943 0000420281861253")),
        Broken(testDescription: "reply magic", bytes: greeting + [UInt8](repeating: 1, count: 20)),
        Broken(testDescription: "another option", bytes: greeting + structuredAcknowledge),
        Broken(
            testDescription: "long reply",
            bytes: greeting + bytes("0003e889045565a9 00000007 00000003 00001005")),
        Broken(testDescription: "no INFO_EXPORT", bytes: greeting + acknowledge),
        Broken(testDescription: "SERVER reply", bytes: go(.server, "00000000")),
        Broken(testDescription: "no type", bytes: go(.info, "00")),
        Broken(testDescription: "short export", bytes: go(.info, "0000 0000000000100000 00")),
        Broken(testDescription: "size 2^63", bytes: go(.info, "0000 8000000000000000 0003")),
        Broken(testDescription: "no HAS_FLAGS", bytes: go(.info, "0000 0000000000100000 0002")),
        Broken(
            testDescription: "two sizes",
            bytes: greeting + export + OptionReply.encode(.go, .info, bytes("0000 0000000000200000 0003"))),
        Broken(testDescription: "short block size", bytes: go(.info, "0003 00000200 00001000 000010")),
        Broken(testDescription: "minimum 0", bytes: go(.info, "0003 00000000 00001000 00100000")),
        Broken(testDescription: "minimum 513", bytes: go(.info, "0003 00000201 00001000 00100000")),
        Broken(testDescription: "minimum 2^17", bytes: go(.info, "0003 00020000 00020000 00100000")),
        Broken(testDescription: "preferred 256", bytes: go(.info, "0003 00000001 00000100 00100000")),
        Broken(
            testDescription: "preferred below minimum", bytes: go(.info, "0003 00001000 00000200 00100000")),
        Broken(
            testDescription: "maximum below preferred", bytes: go(.info, "0003 00000001 00001000 00000200")),
        Broken(testDescription: "text not UTF-8", bytes: go(.unknown, "ff")),
        Broken(testDescription: "name with NUL", bytes: go(.info, "0001 6100")),
    ]

    @Test(arguments: broken)
    func `a broken server is a violation however its bytes arrive`(broken: Broken) {
        for portions in portions(of: broken.bytes) {
            #expect(throws: ProtocolViolation.self) { try Self.run(portions) }
        }
    }

    @Test func `INFO replies without end are a violation`() throws {
        let name = OptionReply.encode(.go, .info, [0, 1])
        let flood = (0...ClientHandshake.maximumInfoReplies).flatMap { _ in name }
        #expect(throws: ProtocolViolation.self) { try Self.run([(Self.greeting + flood)[...]]) }
        let most = (0..<ClientHandshake.maximumInfoReplies - 1).flatMap { _ in name }
        let actions = try Self.run([(Self.greeting + most + Self.export + Self.acknowledge)[...]])
        #expect(actions.last == .ready(Self.info(), leftover: []))
    }
}
