import NBDProtocol
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedBMC

struct UeventTests {
    static let image = TemporaryFolder.pattern(1 << 16)

    /// Sends what was emitted to one listener and returns it.
    static func collected(
        _ fixture: KernelFixture, _ body: (KernelFixture) throws -> Void
    ) async throws -> [Uevent] {
        let stream = fixture.kernel.uevents.listen()
        try body(fixture)
        fixture.kernel.uevents.finish()
        var events: [Uevent] = []
        for await event in stream { events.append(event) }
        return events
    }

    @Test func `a connected device announces itself byte for byte as the kernel does`() async throws {
        let fixture = KernelFixture()
        // The 671st event since boot, to compare with the recorded one.
        for _ in 1..<671 { fixture.kernel.uevents.emit("add", "/x", subsystem: "x", []) }
        let events = try await Self.collected(fixture) { fixture in
            try fixture.kernel.devices[0].attach(Self.attachment(isReadOnly: false), linkCount: 1)
        }
        let expected =
            """
            change@/devices/virtual/block/nbd0|ACTION=change|DEVPATH=/devices/virtual/block/nbd0|\
            SUBSYSTEM=block|MAJOR=43|MINOR=0|DEVNAME=nbd0|DEVTYPE=disk|DISKSEQ=1|SEQNUM=671|
            """
        #expect(events.count == 1)
        #expect(events[0].kernelMessage == Array(expected.utf8).map { $0 == UInt8(ascii: "|") ? 0 : $0 })
        #expect(events[0].kernelMessage.count == 165)
    }

    @Test func `a change of write protection has an event of its own before the connection's`() async throws {
        let fixture = KernelFixture()
        for _ in 1..<671 { fixture.kernel.uevents.emit("add", "/x", subsystem: "x", []) }
        let events = try await Self.collected(fixture) { fixture in
            try fixture.kernel.devices[0].attach(Self.attachment(isReadOnly: true), linkCount: 1)
        }
        #expect(events.map(\.properties.first) == ["DISK_RO=1", "MAJOR=43"])
        #expect(events[0].kernelMessage.count == 175)
    }

    @Test func `a disconnect is announced when the last opener closes, and only then`() async throws {
        let fixture = KernelFixture(running: GadgetState.assembled.steps)
        let device = fixture.kernel.devices[0]
        try device.attach(Self.attachment(isReadOnly: false), linkCount: 1)
        #expect(fixture.run(.write("\(GadgetTreeTests.lun)/file", "/dev/nbd0")) == nil)
        let whileHeld = try await Self.collected(fixture) { _ in device.disconnect() }
        #expect(whileHeld.isEmpty)
        #expect(device.byteCount == UInt64(Self.image.count))
        let whenClosed = try await Self.collected(fixture) { fixture in
            _ = fixture.run(.write("\(GadgetTreeTests.lun)/file", ""))
        }
        #expect(whenClosed.map(\.devicePath) == ["/devices/virtual/block/nbd0"])
        #expect(device.byteCount == 0)
    }

    @Test func `a server that dies idle causes no event`() async throws {
        let fixture = KernelFixture()
        try fixture.kernel.devices[0].attach(Self.attachment(isReadOnly: false), linkCount: 1)
        let events = try await Self.collected(fixture) { fixture in
            fixture.kernel.devices[0].received(.dead(link: 0, reason: "end of stream"))
        }
        #expect(events.isEmpty)
    }

    @Test func `binding and unbinding announce the controller and the gadget`() async throws {
        let fixture = KernelFixture(running: GadgetState.assembled.steps)
        let events = try await Self.collected(fixture) { fixture in
            _ = fixture.run(.write("g1/UDC", "dummy_udc.0"))
            _ = fixture.run(.write("g1/UDC", ""))
        }
        let udc = "/devices/platform/dummy_udc.0/udc/dummy_udc.0"
        let gadget = "/devices/platform/dummy_udc.0/gadget.0"
        #expect(events.map(\.action) == ["change", "bind", "change", "unbind"])
        #expect(events.map(\.devicePath) == [udc, gadget, udc, gadget])
        #expect(events.map(\.subsystem) == ["udc", "gadget", "udc", "gadget"])
        #expect(
            events.map(\.properties) == [
                ["USB_UDC_NAME=dummy_udc.0", "USB_UDC_DRIVER=g1"], ["DRIVER=configfs-gadget.g1"],
                ["USB_UDC_NAME=dummy_udc.0"], [],
            ])
        #expect(events.map(\.sequenceNumber) == [1, 2, 3, 4])
    }

    private static func attachment(isReadOnly: Bool) -> NBDAttachment {
        NBDAttachment(
            device: "nbd0", byteCount: UInt64(image.count), blockBytes: 512,
            transmissionFlags: isReadOnly ? 3 : 1, requestTimeout: nil, deadConnectionTimeout: .zero,
            readAheadBytes: 0, backendIdentifier: "test")
    }
}
