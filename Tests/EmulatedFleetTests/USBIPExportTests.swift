import Foundation
import HostObserver
import NBDServer
import TestSupport
import Testing
import USBIPProtocol
import USBIPTransport
import USBMassStorage
import VirtualMedia

/// `mediarig up --usbip`, seen by a host at the other end of a TCP connection.
@Suite(.enabled(if: Capability.tool("curl").isUsable, "curl is not installed"))
struct USBIPExportTests {
    private static let patience = Duration.seconds(30)

    @Test func `an inserted image is read over USB/IP, and unplugged when it is ejected`() async throws {
        let (bmc, announcement) = try await UpCommandTests.up(["--usbip", "127.0.0.1:0"])
        let port = try #require(announcement.usbip?.split(separator: ":").last.flatMap { UInt16($0) })
        let address = ListenAddress.tcp(host: "127.0.0.1", port: port)
        #expect(try await USBIPConnection.list(at: address, timeout: Self.patience).isEmpty)

        let folder = try TemporaryFolder()
        let image = try folder.writePattern(3_000_000 / 512 * 512, to: "disk.img")
        let passwordFile = try folder.write(Array("\(announcement.password ?? "")\n".utf8), to: "password")
        let attach = try RunningProgram(
            UpCommandTests.mediarig,
            [
                "attach", image, "--bmc", announcement.urls[0], "--cafile", announcement.authority,
                "--password-file", passwordFile,
            ])
        #expect(try await attach.firstLine().hasPrefix("connected"))
        var listed: [ExportedDevice] = []
        while listed.isEmpty { listed = try await USBIPConnection.list(at: address, timeout: Self.patience) }
        #expect(listed.map(\.busID) == ["1-1"])

        let device = try await USBIPConnection.importDevice("1-1", at: address, timeout: Self.patience)
        let clock = SuspendingClock()
        let start = clock.now
        let host = HostObserver(
            connection: device, profile: .linux(speed: .superSpeed), now: { clock.now - start },
            pause: { try? await clock.sleep(for: $0) })
        _ = try await host.enumerate()
        _ = try await host.examineUnit()
        let content = try Data(contentsOf: URL(fileURLWithPath: image))
        let report = try await host.readAll(
            expecting: .digest(sha256: SHA256.text(Array(content)[...]), byteCount: UInt64(content.count))
        ) { _ in }
        #expect(report.verdict == .proven)
        #expect(report.provenByteCount == UInt64(content.count))

        #expect(await attach.stop() == 0)
        await #expect(throws: USBTransferError.disconnected) {
            while true {
                _ = try await device.control(
                    SetupPacket(requestType: 0x80, request: 6, value: 0x0100, index: 0, length: 18), data: [],
                    timeout: Self.patience)
            }
        }
        #expect(await bmc.stop() == 0)
    }
}
