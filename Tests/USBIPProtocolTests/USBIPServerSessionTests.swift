import TestSupport
import Testing
import USBMassStorage
import WireFormat

@testable import USBIPProtocol

struct USBIPServerSessionTests {
    static let device = ExportedDevice(
        path: "/sys/devices/x/1-2", busID: "1-2", busNumber: 1, deviceNumber: 2, speed: .high,
        vendorID: 0x1D6B, productID: 0x0104, deviceRelease: 0x0601,
        interfaces: [.init(classCode: 8, subclass: 6, protocolCode: 0x50)])

    static let importRequest =
        bytes("0111 8003 00000000 | version, OP_REQ_IMPORT, status")
        + Array("1-2".utf8) + [UInt8](repeating: 0, count: 29)

    /// A device descriptor, a command wrapper, room for its answer, and the end of that.
    static let traffic = bytes(
        """
        00000001 00000001 00010002 00000001 00000000 | submit 1, device 1-2, in, endpoint 0
        00000000 00000012 00000000 00000000 00000000 | flags, 18 bytes, no frame, packets, interval
        80 06 0001 0000 1200                         | GET_DESCRIPTOR(device)
        00000001 00000002 00010002 00000000 00000001 | submit 2, out, endpoint 1
        00000000 00000003 00000000 ffffffff 00000000 | 3 bytes, not isochronous as newer hosts say it
        0000000000000000 aabbcc                      | no setup; the data
        00000001 00000003 00010002 00000001 00000001 | submit 3, in, endpoint 1
        00000200 00000200 00000000 00000000 00000000 | 512 bytes of room
        0000000000000000
        00000002 00000004 00010002 00000000 00000000 | unlink 4
        00000003 000000000000000000000000000000000000000000000000 | of submit 3
        00000002 00000005 00010002 00000000 00000000 | unlink 5
        00000063 000000000000000000000000000000000000000000000000 | of a submit that is no more
        """)

    static let expected: [USBIPServerSession.Event] = [
        .submitted(
            TransferID(rawValue: 1),
            .control(
                SetupPacket(requestType: 0x80, request: 6, value: 0x0100, index: 0, length: 18), data: [])),
        .submitted(TransferID(rawValue: 2), .bulkOut(endpoint: 1, [0xAA, 0xBB, 0xCC])),
        .submitted(TransferID(rawValue: 3), .bulkIn(endpoint: 1, byteCount: 512)),
        .cancelled(TransferID(rawValue: 3)),
        .send([bytes("00000004 00000005" + String(repeating: "00", count: 40))[...]]),
    ]

    /// All events of the portions, the import granted at once.
    static func events(of portions: [Bytes], in session: inout USBIPServerSession) throws
        -> [USBIPServerSession.Event]
    {
        var events: [USBIPServerSession.Event] = []
        for portion in portions {
            session.receive(portion)
            while let event = try session.nextEvent() {
                if case .importRequested("1-2") = event {
                    #expect(!session.importReply(device).isEmpty)
                } else {
                    events.append(event)
                }
            }
        }
        return events
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `whole, byte by byte or in portions, the same work comes out`(seed: UInt64) throws {
        for portions in portions(of: Self.importRequest + Self.traffic, seed: seed) {
            var session = USBIPServerSession()
            let events = try Self.events(of: portions, in: &session)
            #expect(events == Self.expected)
        }
    }

    @Test func `an import's reply is the header and 312 bytes, without interfaces`() throws {
        var session = USBIPServerSession()
        session.receive(Self.importRequest[...])
        #expect(try session.nextEvent() == .importRequested(busID: "1-2"))
        let reply = session.importReply(Self.device)
        #expect(reply.count == 8 + 312)
        #expect(Array(reply[..<8]) == bytes("0111 0003 00000000"))
        #expect(Array(reply[8 + 256..<8 + 259]) == Array("1-2".utf8))
        let tail = bytes(
            """
            00000001 00000002 00000003 | bus 1, device 2, high speed
            1d6b 0104 0601 00 00 00    | vendor, product, release, class in the interface
            00 01 01                   | configuration unknown, one of them, one interface
            """)
        #expect(Array(reply.suffix(tail.count)) == tail)
    }

    @Test func `a list has the interfaces behind each device`() {
        let reply = USBIPServerSession().listReply([Self.device, Self.device])
        #expect(reply.count == 8 + 4 + 2 * (312 + 4))
        #expect(Array(reply[..<12]) == bytes("0111 0005 00000000 00000002"))
        #expect(Array(reply.suffix(4)) == bytes("08 06 50 00"))
    }

    @Test func `a refused import leaves room for another`() throws {
        var session = USBIPServerSession()
        session.receive((Self.importRequest + Self.importRequest)[...])
        _ = try session.nextEvent()
        #expect(try session.nextEvent() == nil)
        #expect(session.importReply(refusing: .busy) == bytes("0111 0003 00000002"))
        #expect(try session.nextEvent() == .importRequested(busID: "1-2"))
    }

    /// How each end of a transfer looks on the wire.
    static let ends: [(TransferOutcome, status: String, data: String)] = [
        (.data([[1, 2, 3], [4]]), "00000000 00000004", "01020304"),
        (.data([]), "00000000 00000000", ""),
        (.stalled, "ffffffe0 00000000", ""),  // -EPIPE
        (.cancelled, "ffffff94 00000000", ""),  // -ESHUTDOWN: nobody asked for it
        (.data([[UInt8](repeating: 0, count: 513)[...]]), "ffffffb5 00000000", ""),  // -EOVERFLOW
    ]

    @Test(arguments: ends)
    func `a bulk-in transfer ends with status, length and data`(
        outcome: TransferOutcome, status: String, data: String
    ) throws {
        var session = USBIPServerSession()
        _ = try Self.events(of: [(Self.importRequest + Self.traffic.prefix(147))[...]], in: &session)
        let sent = session.completed(TransferID(rawValue: 3), outcome).flatMap { $0 }
        let header = bytes("00000003 00000003 00000000 00000000 00000000 \(status)")
        #expect(sent == header + [UInt8](repeating: 0, count: 48 - header.count) + bytes(data))
        #expect(session.completed(TransferID(rawValue: 3), outcome).isEmpty, "it ends once")
    }

    @Test func `an unlink is answered by the cancellation, or crosses with the end`() throws {
        var session = USBIPServerSession()
        _ = try Self.events(of: [(Self.importRequest + Self.traffic)[...]], in: &session)
        var other = session
        let cancelled = session.completed(TransferID(rawValue: 3), .cancelled).flatMap { $0 }
        #expect(Array(cancelled.prefix(24)) == bytes("00000004 00000004 00000000 00000000 00000000 ffffff98"))
        #expect(cancelled.count == 48)
        let ended = other.completed(TransferID(rawValue: 3), .data([[7]])).flatMap { $0 }
        #expect(Array(ended.prefix(8)) == bytes("00000003 00000003"))
        #expect(Array(ended[49..<57]) == bytes("00000004 00000004"))
        #expect(ended.count == 48 + 1 + 48)
    }

    @Test(arguments: [
        ("another version", "0110 8005 00000000"),
        ("an unknown operation", "0111 8004 00000000"),
        ("a reply in place of a request", "0111 0005 00000000"),
    ])
    func `a broken operation ends the session`(_: String, hex: String) {
        var session = USBIPServerSession()
        session.receive(bytes(hex)[...])
        #expect(throws: USBIPViolation.self) { try session.nextEvent() }
        session.receive(bytes("0111 8005 00000000")[...])
        #expect((try? session.nextEvent()) == .some(nil), "it stays over")
    }

    @Test func `a bus id without an end is refused`() {
        var session = USBIPServerSession()
        session.receive((bytes("0111 8003 00000000") + [UInt8](repeating: 0x31, count: 32))[...])
        #expect(throws: USBIPViolation.self) { try session.nextEvent() }
    }

    /// One field of a submit (index of its first byte) set to what no host may send.
    @Test(arguments: [
        (0, "00000005"), (0, "00000003"), (0, "00000004"), (8, "00010003"), (12, "00000002"),
        (16, "00000010"), (24, "01000001"), (24, "ffffffff"), (32, "00000001"),
    ])
    func `a broken submit ends the session`(index: Int, field: String) throws {
        var submit = Array(Self.traffic[99..<147])
        submit.replaceSubrange(index..<index + 4, with: bytes(field))
        var session = USBIPServerSession()
        _ = try Self.events(of: [Self.importRequest[...]], in: &session)
        session.receive(submit[...])
        #expect(throws: USBIPViolation.self) { try session.nextEvent() }
        #expect(!session.isAttached)
    }

    @Test func `a sequence number is used once at a time`() throws {
        var session = USBIPServerSession()
        let submit = Array(Self.traffic[99..<147])
        _ = try Self.events(of: [(Self.importRequest + submit)[...]], in: &session)
        _ = session.completed(TransferID(rawValue: 1), .stalled)
        session.receive((submit + submit)[...])
        #expect(try session.nextEvent() != nil, "free again once it has ended")
        #expect(throws: USBIPViolation.self) { try session.nextEvent() }
    }

    @Test func `more transfers in flight than the limit end the session`() throws {
        var session = USBIPServerSession()
        _ = try Self.events(of: [Self.importRequest[...]], in: &session)
        for sequence in 0...UInt32(USBIPLimits.pendingTransfers) {
            var submit = Array(Self.traffic[99..<147])
            submit.replaceSubrange(4..<8, with: withUnsafeBytes(of: sequence.bigEndian, Array.init))
            session.receive(submit[...])
            if sequence < USBIPLimits.pendingTransfers {
                #expect(try session.nextEvent() != nil)
            } else {
                #expect(throws: USBIPViolation.self) { try session.nextEvent() }
            }
        }
    }

    @Test func `the end names what the device still has, oldest first`() throws {
        var session = USBIPServerSession()
        _ = try Self.events(of: [(Self.importRequest + Self.traffic)[...]], in: &session)
        #expect(session.end().map(\.rawValue) == [1, 2, 3])
        #expect(session.completed(TransferID(rawValue: 1), .stalled).isEmpty)
    }
}
