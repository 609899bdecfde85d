import HostObserver
import LinuxPlatform
import NBDServer
import SimulatedBMC
import TestSupport
import Testing
import USBIPProtocol
import USBMassStorage
import VirtualMedia
import WireFormat

@testable import USBIPTransport

struct USBIPTransportTests {
    private static let patience = Duration.seconds(60)
    private static let deviceDescriptor = SetupPacket(
        requestType: 0x80, request: 6, value: 0x0100, index: 0, length: 18)
    private static let configure = SetupPacket(
        requestType: 0, request: 9, value: 1, index: 0, length: 0)

    private static func observer(_ connection: USBIPConnection) -> HostObserver {
        HostObserver(
            connection: connection, now: { SystemClock().now },
            pause: { try? await SystemClock().sleep(until: SystemClock().now + $0) })
    }

    @Test(arguments: [true, false])
    func `a host far away proves every block`(isLocal: Bool) async throws {
        let gadget = try await ExportedGadget(isLocal: isLocal)
        let connection = try await gadget.connect()
        let host = Self.observer(connection)
        let device = try await host.enumerate()
        #expect(device.device.vendorID == 0x1D6B)
        #expect(device.serialNumber == "0123456789AB")
        #expect(try await host.examineUnit().byteCount == UInt64(gadget.image.count))
        let report = try await host.readAll(expecting: .image(ExpectedBytes(gadget.image)))
        #expect(report.verdict == .proven)
        #expect(report.provenByteCount == UInt64(gadget.image.count))
        let written = try await host.writeTest([BlockRange(first: 8, count: 300)], seed: 5)
        #expect(written.verdict == .proven)
        connection.close()
        await gadget.shutDown()
    }

    @Test func `the list names what is bound, and nothing else`() async throws {
        let gadget = try await ExportedGadget()
        let devices = try await USBIPConnection.list(at: gadget.server.address, timeout: Self.patience)
        #expect(devices.map(\.busID) == ["1-2"])
        #expect(devices[0].deviceID == 0x1_0002)
        #expect(devices[0].speed == .high || devices[0].speed == .superSpeed)
        #expect(devices[0].interfaces == [.init(classCode: 8, subclass: 6, protocolCode: 0x50)])
        await gadget.shutDown()
    }

    @Test func `a blocked bulk-in holds up neither endpoint 0 nor its own end`() async throws {
        let gadget = try await ExportedGadget()
        let connection = try await gadget.connect()
        _ = try await connection.control(Self.configure, data: [], timeout: Self.patience)
        // Nothing was asked of the device, so this stays open until the deadline ends it.
        let blocked = Task {
            await Result { () async throws(USBTransferError) -> [Bytes] in
                try await connection.bulkIn(endpoint: 1, byteCount: 13, timeout: .milliseconds(500))
            }
        }
        for _ in 0..<20 {
            let descriptor = try await connection.control(
                Self.deviceDescriptor, data: [], timeout: Self.patience)
            #expect(descriptor.count == 18)
        }
        #expect(await blocked.value == .failure(.timedOut))
        // The transfer is off the device: the next command's status is not lost to it.
        let host = Self.observer(connection)
        _ = try await host.enumerate()
        #expect(try await host.examineUnit().byteCount == UInt64(gadget.image.count))
        await gadget.shutDown()
    }

    @Test func `a stall is a stall`() async throws {
        let gadget = try await ExportedGadget()
        let connection = try await gadget.connect()
        let wrong = SetupPacket(requestType: 0xC0, request: 1, value: 0, index: 0, length: 4)
        await #expect(throws: USBTransferError.stalled) {
            try await connection.control(wrong, data: [], timeout: Self.patience)
        }
        await gadget.shutDown()
    }

    @Test func `only one host at a time has it; the next may once the first has gone`() async throws {
        let gadget = try await ExportedGadget()
        let first = try await gadget.connect()
        await #expect(throws: USBIPFailure.refused(busID: "1-2", .busy)) { try await gadget.connect() }
        await #expect(throws: USBIPFailure.refused(busID: "1-9", .noSuchDevice)) {
            try await USBIPConnection.importDevice(
                "1-9", at: gadget.server.address, timeout: Self.patience)
        }
        #expect(await gadget.kernel.isHostAttached(to: ExportedGadget.controller))
        first.close()
        // The server notices by itself; until it has, the device counts as in use.
        var second: USBIPConnection?
        while second == nil {
            do throws(USBIPFailure) {
                second = try await USBIPConnection.importDevice(
                    "1-2", at: gadget.server.address, timeout: Self.patience)
            } catch { #expect(error == .refused(busID: "1-2", .busy)) }
        }
        #expect(second?.device?.vendorID == 0x1D6B)
        await gadget.shutDown()
    }

    @Test func `a gadget that is unbound is unplugged from its host`() async throws {
        let gadget = try await ExportedGadget()
        let connection = try await gadget.connect()
        _ = try await connection.control(Self.configure, data: [], timeout: Self.patience)
        let blocked = Task {
            await Result { () async throws(USBTransferError) -> [Bytes] in
                try await connection.bulkIn(endpoint: 1, byteCount: 13, timeout: .seconds(600))
            }
        }
        try await gadget.kernel.write("", to: "g1/UDC")
        #expect(await blocked.value == .failure(.disconnected))
        await #expect(throws: USBTransferError.disconnected) {
            try await connection.control(Self.deviceDescriptor, data: [], timeout: Self.patience)
        }
        await #expect(throws: USBIPFailure.refused(busID: "1-2", .noSuchDevice)) {
            try await gadget.connect()
        }
        await gadget.shutDown()
    }

    @Test func `a server that stops ends its hosts' transfers`() async throws {
        let gadget = try await ExportedGadget()
        let connection = try await gadget.connect()
        _ = try await connection.control(Self.configure, data: [], timeout: Self.patience)
        gadget.server.stop()
        await #expect(throws: USBTransferError.disconnected) {
            try await connection.bulkIn(endpoint: 1, byteCount: 13, timeout: .seconds(600))
        }
        await gadget.shutDown()
    }

    @Test func `a peer that speaks something else is a violation, a closed port is refused`() async throws {
        let folder = try TemporaryFolder()
        let address = ListenAddress.unix(path: folder.file("nobody.sock"))
        await #expect(throws: USBIPFailure.self) {
            try await USBIPConnection.list(at: address, timeout: Self.patience)
        }
        // Our own server, spoken to in another tongue, hangs up.
        let gadget = try await ExportedGadget()
        guard case .unix(let path) = gadget.server.address else { return }
        let channel = try await SystemSockets().connect(to: path)
        try await channel.write(Array("GET / HTTP/1.1\r\n\r\n".utf8)[...])
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)
        defer { memory.deallocate() }
        #expect(try await channel.read(into: memory) == 0)
        await gadget.shutDown()
    }
}

extension Result where Success: Sendable {
    fileprivate init(_ body: () async throws(Failure) -> Success) async {
        do throws(Failure) { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
