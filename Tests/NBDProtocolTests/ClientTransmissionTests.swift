import TestSupport
import Testing
import WireFormat

@testable import NBDProtocol

struct ClientTransmissionTests {
    /// A read of 1024 bytes at 4096 (cookie 7) and a block status of 8192 at 0 (cookie 8) in flight.
    static func transmission(structured: Bool = true, flags: CommandFlags = []) -> ClientTransmission {
        var info = ExportInfo(byteCount: 1 << 20, flags: .hasFlags)
        info.hasStructuredReplies = structured
        var transmission = ClientTransmission(info)
        _ = transmission.begin(Request(flags: flags, command: .read, cookie: 7, offset: 4096, length: 1024))
        _ = transmission.begin(Request(command: .blockStatus, cookie: 8, offset: 0, length: 8192))
        _ = transmission.begin(Request(command: .flush, cookie: 9))
        return transmission
    }

    /// Feeds a stream, payload in pieces of up to 100 bytes; stops where bytes run out.
    static func run(_ stream: [UInt8], structured: Bool = true, flags: CommandFlags = []) throws -> (
        events: [ClientTransmission.Event], data: [UInt8]
    ) {
        var transmission = transmission(structured: structured, flags: flags)
        var rest = stream[...]
        var events: [ClientTransmission.Event] = []
        var data = [UInt8](repeating: 0xEE, count: 1024)
        while true {
            switch transmission.next {
            case .header(let byteCount):
                guard byteCount > 0, let header = rest.take(byteCount) else { return (events, data) }
                events += try transmission.received(header: header)
            case .payload(_, let offset, let byteCount):
                guard let part = rest.take(min(byteCount, 100, max(1, rest.count))) else {
                    return (events, data)
                }
                data.replaceSubrange(offset..<offset + part.count, with: part)
                events += try transmission.receivedPayload(byteCount: part.count)
            }
        }
    }

    static func data(_ offset: UInt64, _ count: Int, done: Bool, cookie: UInt64 = 7) -> [UInt8] {
        StructuredReply.dataHeader(offset: offset, length: UInt32(count), isDone: done, cookie: cookie)
            + [UInt8](repeating: 0xAA, count: count)
    }

    static func simple(_ cookie: UInt64, _ error: UInt32 = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        SimpleReply(error: error, cookie: cookie).encode(into: &bytes)
        return bytes
    }

    @Test func `chunks in any order, with a hole, make a whole read`() throws {
        let stream =
            Self.data(4096 + 512, 512, done: false)
            + StructuredReply.hole(offset: 4096, length: 500, isDone: false, cookie: 7)
            + Self.data(4096 + 500, 12, done: false) + StructuredReply.done(cookie: 7)
        let (events, data) = try Self.run(stream)
        #expect(
            events == [.hole(cookie: 7, offset: 0, byteCount: 500), .completed(cookie: 7, nil)])
        #expect(data[500...].allSatisfy { $0 == 0xAA })
    }

    @Test func `simple replies carry data, or an error and none`() throws {
        let (events, data) = try Self.run(
            Self.simple(9) + Self.simple(7) + [UInt8](repeating: 0xAA, count: 1024) + Self.simple(8, 4711),
            structured: false)
        #expect(data == [UInt8](repeating: 0xAA, count: 1024))
        let failure = RequestFailure(ErrorNumber(rawValue: 4711), "")
        #expect(
            events == [
                .completed(cookie: 9, nil), .completed(cookie: 7, nil), .completed(cookie: 8, failure),
            ])
        #expect(failure.error.effective == .invalid)
    }

    @Test func `an error amid the chunks fails the read once it is done`() throws {
        var error: [UInt8] = []
        StructuredReply(isDone: false, type: .errorOffset, cookie: 7, length: 17).encode(into: &error)
        error += bytes("00000005 0003 62 61 64 0000000000001200")
        let (events, _) = try Self.run(
            Self.data(4096, 512, done: false) + error + StructuredReply.done(cookie: 7))
        #expect(events == [.completed(cookie: 7, RequestFailure(.io, "bad"))])
    }

    @Test func `block status and its extents`() throws {
        let (events, _) = try Self.run(
            StructuredReply.blockStatus([(4096, 0), (8192, 3)], context: 1, cookie: 8))
        let runs = [StatusRun(byteCount: 4096, flags: 0), StatusRun(byteCount: 8192, flags: 3)]
        #expect(events == [.blockStatus(cookie: 8, context: 1, runs), .completed(cookie: 8, nil)])
    }

    struct Broken: CustomTestStringConvertible {
        let testDescription: String
        let stream: [UInt8]
        var structured = true
        var flags: CommandFlags = []
    }

    static func chunk(_ type: UInt16, _ flags: UInt16, _ cookie: UInt64, _ body: [UInt8]) -> [UInt8] {
        var header = bytes("668e33ef")
        header.appendBigEndian(flags)
        header.appendBigEndian(type)
        header.appendBigEndian(cookie)
        header.appendBigEndian(UInt32(body.count))
        return header + body
    }

    static let broken = [
        Broken(testDescription: "magic", stream: [UInt8](repeating: 1, count: 16)),
        Broken(testDescription: "unknown cookie", stream: simple(99)),
        Broken(testDescription: "answered twice", stream: simple(9) + simple(9)),
        Broken(testDescription: "unknown cookie of a chunk", stream: StructuredReply.done(cookie: 99)),
        Broken(testDescription: "simple reply to a read", stream: simple(7)),
        Broken(
            testDescription: "chunk not negotiated", stream: StructuredReply.done(cookie: 9),
            structured: false),
        Broken(testDescription: "done too early", stream: data(4096, 512, done: true)),
        Broken(testDescription: "none, nothing read", stream: StructuredReply.done(cookie: 7)),
        Broken(testDescription: "none without done", stream: chunk(0, 0, 9, [])),
        Broken(testDescription: "none with bytes", stream: chunk(0, 1, 9, [1])),
        Broken(testDescription: "unknown flags", stream: chunk(0, 3, 9, [])),
        Broken(testDescription: "unknown content type", stream: chunk(3, 1, 7, [])),
        Broken(testDescription: "data for a flush", stream: data(0, 8, done: true, cookie: 9)),
        Broken(testDescription: "data of no bytes", stream: chunk(1, 0, 7, [UInt8](repeating: 0, count: 8))),
        Broken(testDescription: "data before the request", stream: data(4095, 512, done: false)),
        Broken(testDescription: "data past the request", stream: data(4097, 1024, done: false)),
        Broken(testDescription: "data at the end of the world", stream: data(.max, 16, done: false)),
        Broken(
            testDescription: "overlap", stream: data(4096, 512, done: false) + data(4607, 512, done: false)),
        Broken(
            testDescription: "hole of nothing",
            stream: StructuredReply.hole(offset: 4096, length: 0, isDone: false, cookie: 7)),
        Broken(
            testDescription: "two fragments against DF",
            stream: data(4096, 512, done: false) + data(4608, 512, done: true), flags: .doNotFragment),
        Broken(testDescription: "error 0", stream: chunk(0x8001, 1, 7, bytes("00000000 0000"))),
        Broken(testDescription: "error text cut", stream: chunk(0x8001, 1, 7, bytes("00000005 0002 61"))),
        Broken(
            testDescription: "error text not UTF-8", stream: chunk(0x8001, 1, 7, bytes("00000005 0001 ff"))),
        Broken(
            testDescription: "error offset outside",
            stream: chunk(0x8002, 1, 7, bytes("00000005 0000 0000000000000000"))),
        Broken(
            testDescription: "status of no bytes",
            stream: StructuredReply.blockStatus([(0, 0)], context: 1, cookie: 8)),
        Broken(
            testDescription: "status past the request",
            stream: StructuredReply.blockStatus([(8192, 0), (512, 0)], context: 1, cookie: 8)),
    ]

    @Test(arguments: broken)
    func `a reply that breaks a rule is a violation`(broken: Broken) {
        #expect(throws: ProtocolViolation.self) {
            try Self.run(broken.stream, structured: broken.structured, flags: broken.flags)
        }
    }

    @Test(arguments: 1...500)
    func `random bytes behind a valid magic never trap`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var stream = seed.isMultiple(of: 2) ? bytes("668e33ef") : bytes("67446698")
        for _ in 0..<64 { stream.append(UInt8.random(in: 0...9, using: &random)) }
        let outcome = Result { try Self.run(stream) }
        if case .failure(let error) = outcome { #expect(error is ProtocolViolation) }
    }
}
