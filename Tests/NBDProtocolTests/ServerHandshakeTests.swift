import TestSupport
import Testing
import WireFormat

@testable import NBDProtocol

struct ServerHandshakeTests {
    static let export: Export = {
        var export = Export(name: "disc", byteCount: 1 << 20, flags: [.isReadOnly])
        export.description = "the disc"
        return export
    }()

    /// Flags, then options, fed in these portions.
    static func run(_ options: [UInt8], _ export: Export = export) -> [[ServerHandshake.Action]] {
        portions(of: bytes("00000003") + options).map { pieces in
            var handshake = ServerHandshake(exports: [export])
            var actions: [ServerHandshake.Action] = []
            for piece in pieces {
                if actions.contains(where: { if case .send = $0 { false } else { true } }) { break }
                actions += handshake.receive(piece)
            }
            return actions
        }
    }

    /// What a run sends, and which reply types are in it.
    static func replyTypes(_ actions: [ServerHandshake.Action]) -> [OptionReplyType] {
        var types: [OptionReplyType] = []
        for case .send(let bytes) in actions {
            var rest = bytes[...]
            while let reply = try? OptionReply.peek(rest) {
                types.append(reply.type)
                _ = rest.take(20 + Int(reply.length))
            }
        }
        return types
    }

    static func go(_ name: String, _ types: [UInt16] = [], option: OptionCode = .go) -> [UInt8] {
        var data: [UInt8] = []
        data.appendBigEndian(UInt32(name.utf8.count))
        data += name.utf8
        data.appendBigEndian(UInt16(types.count))
        for type in types { data.appendBigEndian(type) }
        return OptionRequest.encode(option, data)
    }

    static func context(_ option: OptionCode, _ name: String, _ queries: [String]) -> [UInt8] {
        var data: [UInt8] = []
        for text in [name] + queries {
            data.appendBigEndian(UInt32(text.utf8.count))
            data += text.utf8
            if text == name, data.count == 4 + name.utf8.count { data.appendBigEndian(UInt32(queries.count)) }
        }
        return OptionRequest.encode(option, data)
    }

    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let options: [UInt8]
        let expected: [OptionReplyType]
    }

    static let structured = OptionRequest.encode(.structuredReply)
    static let cases = [
        Case(
            testDescription: "list", options: OptionRequest.encode(.list), expected: [.server, .acknowledge]),
        Case(
            testDescription: "list with data", options: OptionRequest.encode(.list, [1]), expected: [.invalid]
        ),
        Case(testDescription: "starttls", options: OptionRequest.encode(.startTLS), expected: [.unsupported]),
        Case(
            testDescription: "starttls with data", options: OptionRequest.encode(.startTLS, [1]),
            expected: [.invalid]),
        Case(
            testDescription: "unknown option",
            options: OptionRequest.encode(OptionCode(rawValue: 77), [1, 2, 3]),
            expected: [.unsupported]),
        Case(
            testDescription: "structured twice", options: structured + structured,
            expected: [.acknowledge, .invalid]),
        Case(
            testDescription: "structured with data", options: OptionRequest.encode(.structuredReply, [0]),
            expected: [.invalid]),
        Case(
            testDescription: "info, all types", options: go("disc", [0, 1, 2, 3, 99], option: .info),
            expected: [.info, .info, .info, .info, .acknowledge]),
        Case(testDescription: "unknown export", options: go("disk"), expected: [.unknown]),
        Case(testDescription: "type twice", options: go("disc", [3, 3]), expected: [.invalid]),
        Case(
            testDescription: "name longer than data",
            options: OptionRequest.encode(.go, bytes("000000ff 61 0000")),
            expected: [.invalid]),
        Case(
            testDescription: "name length 2^32-1", options: OptionRequest.encode(.go, bytes("ffffffff 0000")),
            expected: [.invalid]),
        Case(
            testDescription: "name not UTF-8", options: OptionRequest.encode(.go, bytes("00000001 ff 0000")),
            expected: [.invalid]),
        Case(
            testDescription: "context without structured",
            options: context(.setMetaContext, "disc", ["base:allocation"]), expected: [.invalid]),
        Case(
            testDescription: "list contexts", options: structured + context(.listMetaContext, "disc", []),
            expected: [.acknowledge, .metaContext, .acknowledge]),
        Case(
            testDescription: "set nothing known",
            options: structured + context(.setMetaContext, "disc", ["x:y"]),
            expected: [.acknowledge, .acknowledge]),
        Case(
            testDescription: "query without namespace",
            options: structured + context(.setMetaContext, "disc", ["y"]),
            expected: [.acknowledge, .invalid]),
        Case(
            testDescription: "too big",
            options: OptionRequest.encode(.go, [UInt8](repeating: 0, count: 70_000)),
            expected: [.tooBig]),
    ]

    @Test(arguments: cases)
    func `each option has its answer, and haggling goes on`(testCase: Case) {
        for actions in Self.run(testCase.options + OptionRequest.encode(.abort)) {
            #expect(Self.replyTypes(actions) == testCase.expected + [.acknowledge])
            #expect(actions.last == .close(ServerHandshake.abortReason))
        }
    }

    @Test(arguments: ["disc", ""])
    func `GO leads to transmission with what was negotiated and what was left over`(name: String) {
        let options =
            Self.structured + Self.context(.setMetaContext, name, ["base:allocation"]) + Self.go(name, [3])
        var handshake = ServerHandshake(exports: [Self.export])
        let actions = handshake.receive((bytes("00000001") + options + [9, 8])[...])
        var expected = Negotiated(export: Self.export)
        expected.hasStructuredReplies = true
        expected.hasAllocationContext = true
        expected.export.flags.insert(.sendDoNotFragment)
        #expect(actions.last == .transmit(expected, leftover: [9, 8]))
    }

    @Test func `a context selected for another name does not count`() {
        let options =
            Self.structured + Self.context(.setMetaContext, "", ["base:allocation"]) + Self.go("disc")
        for actions in Self.run(options) {
            guard case .transmit(let negotiated, _)? = actions.last else {
                Issue.record("no transmission: \(actions)")
                continue
            }
            #expect(!negotiated.hasAllocationContext)
        }
    }

    @Test(arguments: [(UInt32(3), 10), (1, 134), (0, 134)])
    func `EXPORT_NAME is answered with padding unless both agreed`(flags: UInt32, byteCount: Int) {
        var handshake = ServerHandshake(exports: [Self.export])
        var input: [UInt8] = []
        input.appendBigEndian(flags)
        let actions = handshake.receive((input + OptionRequest.encode(.exportName, Array("disc".utf8)))[...])
        guard case .send(let answer)? = actions.first else { return #expect(Bool(false), "\(actions)") }
        #expect(answer.count == byteCount)
        #expect(actions.count == 2)
    }

    static let floods = (0...ServerHandshake.maximumOptions).flatMap { _ in OptionRequest.encode(.list) }
    static let fatal: [[UInt8]] = [
        bytes("00000004"), bytes("80000003"), bytes("00000003 49484156454f5055"),
        bytes("00000003") + OptionRequest.encode(.exportName, Array("disk".utf8)),
        bytes("00000003 49484156454f5054 00000001 00100000"),
        bytes("00000003 49484156454f5054 00000007 00100001"),
        bytes("00000003") + floods,
    ]

    @Test(arguments: fatal)
    func `what has no answer ends in hanging up`(input: [UInt8]) {
        var handshake = ServerHandshake(exports: [Self.export])
        guard case .close? = handshake.receive(input[...]).last else {
            return #expect(Bool(false), "not closed")
        }
    }

    @Test func `a minimum block size has to be asked for`() {
        var export = Self.export
        export.minimumBlockBytes = 512
        for actions in Self.run(Self.go("disc") + OptionRequest.encode(.abort), export) {
            #expect(Self.replyTypes(actions) == [.blockSizeRequired, .acknowledge])
        }
    }

    /// Our two ends understand each other, whatever the portions.
    @Test(arguments: [true, false])
    func `our client and our server shake hands`(structured: Bool) throws {
        var server = ServerHandshake(exports: [Self.export])
        var client = ClientHandshake(exportName: "disc", wantsStructuredReplies: structured)
        var toClient = ServerHandshake.greeting
        var info: ExportInfo?
        for _ in 0..<10 where info == nil {
            let arrived = toClient
            toClient = []
            for action in try client.receive(arrived[...]) {
                switch action {
                case .send(let bytes):
                    for answer in server.receive(bytes[...]) {
                        if case .send(let bytes) = answer { toClient += bytes }
                    }
                case .ready(let found, _): info = found
                case .refused(let refusal): throw refusal
                }
            }
        }
        #expect(info?.byteCount == 1 << 20)
        #expect(info?.hasStructuredReplies == structured)
        #expect(info?.flags.contains(.sendDoNotFragment) == structured)
    }
}
