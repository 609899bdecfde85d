import TestSupport
import Testing
import WireFormat

@testable import Netlink

struct GenericNetlinkTests {
    /// As Linux 6.1 answers, shortened by what nobody reads.
    static let family = bytes(
        """
        01 02 0000              | new family, version 2
        0800 0200 6e626400      | name "nbd"
        0600 0100 1d00 0000     | number 0x1d
        0800 0300 01000000      | version 1
        0800 0400 00000000      | header of 0 bytes
        0800 0500 0a000000      | attributes up to 10
        2400 0780               | multicast groups
            2000 0180
                0800 0200 05000000                                      | number 5
                1100 0100 6e62645f6d635f67726f757000 000000             | "nbd_mc_group"
        """)

    @Test func `a family is asked for by name`() {
        #expect(
            GenericNetlinkFamily.lookUp("nbd").encoded() == bytes("03 02 0000 | \n 0800 0200 6e626400"))
    }

    @Test func `a family's number, version and groups are read`() throws {
        let body = try GenericNetlinkBody(decoding: Self.family[...])
        #expect(
            try GenericNetlinkFamily(body)
                == GenericNetlinkFamily(
                    kind: NetlinkMessage.Kind(rawValue: 0x1D), version: 1, groups: ["nbd_mc_group": 5]))
    }

    @Test func `an answer that lacks something or is cut short is refused, never trusted`() throws {
        for count in 0..<Self.family.count {
            // Cut between two attributes it is well formed, and then a part is missing.
            do throws(NetlinkViolation) {
                let family = try GenericNetlinkFamily(
                    try GenericNetlinkBody(decoding: Self.family.prefix(count)))
                #expect(family.groups.isEmpty && count >= 28, "\(count) bytes")
            } catch {}
        }
        #expect(throws: NetlinkViolation.missing("family number")) {
            try GenericNetlinkFamily(GenericNetlinkBody(command: 1, version: 2))
        }
    }

    static let nbd = GenericNetlinkFamily(kind: NetlinkMessage.Kind(rawValue: 0x1D), version: 1)

    @Test func `a connection carries everything that the driver wants to know`() {
        let body = NBDControl.connect(
            NBDControl.Connection(
                index: 3, byteCount: 1 << 33, blockBytes: 512, timeoutSeconds: 20,
                deadConnectionTimeoutSeconds: 25, serverFlags: 0x103, descriptors: [9, 10],
                backendIdentifier: "virtual-media/S"), to: Self.nbd)
        #expect(
            body.encoded()
                == bytes(
                    """
                    01 01 0000
                    0800 0100 03000000          | index
                    0c00 0200 0000000002000000  | size
                    0c00 0300 0002000000000000  | block size
                    0c00 0500 0301000000000000  | server flags
                    0c00 0800 1900000000000000  | dead connection timeout
                    1400 0a00 7669727475616c2d6d656469612f5300 | backend identifier
                    1c00 0780                   | sockets
                        0c00 0180  0800 0100 09000000
                        0c00 0180  0800 0100 0a000000
                    0c00 0400 1400000000000000  | timeout
                    """))
    }

    @Test func `without a request timeout none is sent`() throws {
        let body = NBDControl.connect(
            NBDControl.Connection(
                index: 0, byteCount: 512, blockBytes: 512, timeoutSeconds: nil,
                deadConnectionTimeoutSeconds: 0, serverFlags: 0, descriptors: [], backendIdentifier: ""),
            to: Self.nbd)
        #expect(body.attributes[kind: 4] == nil)
        #expect(body.attributes[kind: 8] != nil)
    }

    @Test func `other requests name the device, and a reconfiguration whose it is`() {
        #expect(NBDControl.disconnect(2, to: Self.nbd).encoded() == bytes("02 01 0000 0800 0100 02000000"))
        #expect(NBDControl.status(of: 2, to: Self.nbd).encoded() == bytes("05 01 0000 0800 0100 02000000"))
        let named = NBDControl.reconfigure(2, descriptors: [5], backendIdentifier: "x", to: Self.nbd)
        #expect(named.command == 3 && named.attributes[kind: 10]?.text == "x")
        let unnamed = NBDControl.reconfigure(2, descriptors: [5], backendIdentifier: nil, to: Self.nbd)
        #expect(unnamed.attributes[kind: 10] == nil)
    }

    @Test func `a status and a dead link are read`() throws {
        let status = bytes(
            """
            05 01 0000
            1800 0980 1400 0180 0800 0100 02000000 0500 0200 01 000000
            """)
        #expect(
            try NBDControl.devices(GenericNetlinkBody(decoding: status[...]))
                == [NBDControl.DeviceStatus(index: 2, isInUse: true)])
        let dead = try GenericNetlinkBody(decoding: bytes("04 01 0000 0800 0100 06000000")[...])
        #expect(try NBDControl.deadLink(dead) == 6)
        #expect(try NBDControl.deadLink(GenericNetlinkBody(command: 1, version: 1)) == nil)
        #expect(throws: NetlinkViolation.missing("device number")) {
            try NBDControl.deadLink(GenericNetlinkBody(command: 4, version: 1))
        }
        #expect(throws: NetlinkViolation.missing("device list")) {
            try NBDControl.devices(GenericNetlinkBody(command: 5, version: 1))
        }
    }
}

struct NetlinkExchangeTests {
    static let answer = NetlinkMessage(
        kind: NetlinkMessage.Kind(rawValue: 0x1D), sequence: 4, port: 1, payload: [1, 2, 3, 4])
    static func outcome(_ code: Int32, sequence: UInt32 = 4) -> NetlinkMessage {
        var payload: [UInt8] = []
        payload.appendHostOrder(code)
        payload += [UInt8](repeating: 0, count: 16)
        return NetlinkMessage(kind: .error, sequence: sequence, payload: payload)
    }

    static func exchange() -> NetlinkExchange {
        NetlinkExchange(GenericNetlinkFamily.lookUp("nbd"), to: .control, sequence: 4)
    }

    @Test func `an answer and its acknowledgement come in one datagram or in two`() throws {
        var glued = Self.exchange()
        let both = Self.answer.encoded() + Self.outcome(0).encoded()
        #expect(try glued.receive(both[...]) == .done([Self.answer]))
        var apart = Self.exchange()
        #expect(try apart.receive(Self.answer.encoded()[...]) == .waiting)
        #expect(try apart.receive(Self.outcome(0).encoded()[...]) == .done([Self.answer]))
    }

    @Test(arguments: [1, 2, 16, 22] as [Int32])
    func `an errno comes out positive`(code: Int32) throws {
        var exchange = Self.exchange()
        #expect(try exchange.receive(Self.outcome(-code).encoded()[...]) == .failed(code))
    }

    @Test func `what belongs to another request is passed over`() throws {
        var exchange = Self.exchange()
        #expect(try exchange.receive(Self.outcome(-5, sequence: 3).encoded()[...]) == .waiting)
        #expect(try exchange.receive(Self.outcome(0).encoded()[...]) == .done([]))
    }

    @Test func `a datagram that ends within a message is refused at every length`() throws {
        let whole = Self.outcome(0).encoded()
        for count in 1..<whole.count {
            var exchange = Self.exchange()
            #expect(throws: NetlinkViolation.self) { try exchange.receive(whole.prefix(count)) }
        }
        var empty = Self.exchange()
        #expect(throws: NetlinkViolation.tooShort("error message")) {
            try empty.receive(NetlinkMessage(kind: .error, sequence: 4, payload: [0, 0]).encoded()[...])
        }
        var overrun = Self.exchange()
        #expect(throws: NetlinkViolation.missing("end: data was lost")) {
            try overrun.receive(NetlinkMessage(kind: .overrun, sequence: 4).encoded()[...])
        }
    }
}
