import TestSupport
import Testing
import USBMassStorage
import WireFormat

@testable import USBIPProtocol

struct USBIPClientSessionTests {
    static let device = USBIPServerSessionTests.device

    /// A client that has imported the device.
    static func attached() throws -> USBIPClientSession {
        var client = USBIPClientSession()
        #expect(client.requestImport(busID: "1-2") == USBIPServerSessionTests.importRequest)
        client.receive((OperationHeader(.importReply).encoded + device.encoded)[...])
        guard case .imported = try client.nextEvent() else {
            Issue.record("not imported")
            return client
        }
        return client
    }

    private static func reply(_ sequence: UInt32, _ status: Int32, _ length: Int32) -> [UInt8] {
        TransferHeader(
            sequence: sequence, body: .submitted(TransferStatus(rawValue: status), length: length)
        ).encoded
    }

    @Test func `a transfer's submit has the device, direction, length and setup`() throws {
        var client = try Self.attached()
        let setup = SetupPacket(requestType: 0x80, request: 6, value: 0x0100, index: 0, length: 18)
        let first = client.submit(.control(setup, data: []), as: TransferID(rawValue: 9))
        #expect(first?.flatMap { $0 } == Array(USBIPServerSessionTests.traffic[..<48]))
        let second = client.submit(.bulkOut(endpoint: 1, [0xAA, 0xBB, 0xCC]), as: TransferID(rawValue: 10))
        var expected = Array(USBIPServerSessionTests.traffic[48..<99])
        expected.replaceSubrange(32..<36, with: [0, 0, 0, 0])
        #expect(second?.flatMap { $0 } == expected)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a list is the same however its bytes come`(seed: UInt64) throws {
        var other = Self.device
        other.busID = "2-1"
        other.interfaces = []
        other.interfaceCount = 0
        let reply = USBIPServerSession().listReply([Self.device, other])
        for portions in portions(of: reply, seed: seed) {
            var client = USBIPClientSession()
            _ = client.requestList()
            var events: [USBIPClientSession.Event] = []
            for portion in portions {
                client.receive(portion)
                while let event = try client.nextEvent() { events.append(event) }
            }
            #expect(events == [.listed([Self.device, other])])
        }
    }

    /// Each errno of an exporter, as a host program sees it.
    static let statuses: [(Int32, USBIPClientSession.Completion)] = [
        (0, .outcome(.data([[1, 2]]))), (-32, .outcome(.stalled)), (-104, .outcome(.cancelled)),
        (-2, .outcome(.cancelled)), (-75, .babble), (-108, .disconnected), (-19, .disconnected),
        (-71, .failed(TransferStatus(rawValue: -71))),
    ]

    @Test(arguments: statuses)
    func `a reply's status becomes an outcome`(status: Int32, expected: USBIPClientSession.Completion) throws
    {
        let number = TransferID(rawValue: 1)
        for portions in portions(of: Self.reply(1, status, 2) + [1, 2], seed: 4) {
            var client = try Self.attached()
            _ = client.submit(.bulkIn(endpoint: 1, byteCount: 512), as: number)
            var events: [USBIPClientSession.Event] = []
            for portion in portions {
                client.receive(portion)
                while let event = try client.nextEvent() { events.append(event) }
            }
            #expect(events == [.completed(number, expected)])
        }
    }

    @Test func `an unlink ends a transfer, or crosses with its end`() throws {
        let number = TransferID(rawValue: 5)
        var client = try Self.attached()
        _ = client.submit(.bulkIn(endpoint: 1, byteCount: 512), as: number)
        let command = client.cancel(number).flatMap { $0 }
        #expect(Array(command.prefix(24)) == bytes("00000002 00000002 00010002 00000000 00000000 00000001"))
        #expect(client.cancel(number).isEmpty, "once is enough")
        var crossed = client
        client.receive(TransferHeader(sequence: 2, body: .unlinked(.cancelled)).encoded[...])
        #expect(try client.nextEvent() == .completed(number, .outcome(.cancelled)))
        let late = TransferHeader(sequence: 2, body: .unlinked(.success)).encoded
        crossed.receive((Self.reply(1, 0, 0) + late)[...])
        #expect(try crossed.nextEvent() == .completed(number, .outcome(.data([[]]))))
        #expect(try crossed.nextEvent() == nil)
        #expect(crossed.end().isEmpty)
    }

    private static let zeroes = [UInt8](repeating: 0, count: 40)
    static let brokenReplies: [(what: String, bytes: [UInt8])] = [
        ("a reply to nothing", reply(7, 0, 0)),
        ("more than there was room for", reply(1, 0, 513)),
        ("a negative length", reply(1, 0, -1)),
        ("an unlink's answer that nobody waits for", bytes("00000004 00000001") + zeroes),
        ("a command", bytes("00000001 00000001") + zeroes),
        ("an unknown command", bytes("00000009 00000001") + zeroes),
    ]

    @Test(arguments: brokenReplies)
    func `a broken reply ends the session`(_: String, reply: [UInt8]) throws {
        var client = try Self.attached()
        _ = client.submit(.bulkIn(endpoint: 1, byteCount: 512), as: TransferID(rawValue: 1))
        client.receive(reply[...])
        #expect(throws: USBIPViolation.self) { try client.nextEvent() }
        #expect(client.device == nil)
        #expect(client.submit(.bulkIn(endpoint: 1, byteCount: 1), as: TransferID(rawValue: 2)) == nil)
    }

    @Test(arguments: [
        ("another version", "0100 0003 00000000"), ("a list", "0111 0005 00000000"),
    ])
    func `a broken answer to an import ends the session`(_: String, hex: String) {
        var client = USBIPClientSession()
        _ = client.requestImport(busID: "1-2")
        client.receive(bytes(hex)[...])
        #expect(throws: USBIPViolation.self) { try client.nextEvent() }
    }

    @Test func `a refusal is told with its status`() throws {
        var client = USBIPClientSession()
        _ = client.requestImport(busID: "1-2")
        client.receive(bytes("0111 0003 00000002")[...])
        #expect(try client.nextEvent() == .importRefused(.busy))
    }

    @Test func `a list of absurd length is not waited for`() {
        var client = USBIPClientSession()
        _ = client.requestList()
        client.receive(bytes("0111 0005 00000000 7fffffff")[...])
        #expect(throws: USBIPViolation.self) { try client.nextEvent() }
    }

    @Test func `what is more than the limit in flight is not submitted`() throws {
        var client = try Self.attached()
        for number in 0..<USBIPLimits.pendingTransfers {
            let bytes = client.submit(
                .bulkIn(endpoint: 1, byteCount: 1), as: TransferID(rawValue: UInt64(number)))
            #expect(bytes != nil)
        }
        #expect(client.submit(.bulkIn(endpoint: 1, byteCount: 1), as: TransferID(rawValue: 5000)) == nil)
        #expect(client.end().count == USBIPLimits.pendingTransfers)
    }
}
