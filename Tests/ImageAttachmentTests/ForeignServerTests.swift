import Foundation
import Glibc
import HostObserver
import TestSupport
import Testing
import VirtualMedia

/// NBD servers that others have written, behind the WebSocket of a slot.
@Suite(
    .enabled(
        if: Capability.tool("nbdkit").isUsable && Capability.pythonModule("websockets").isUsable,
        "nbdkit or python3-websockets is not installed"))
struct ForeignServerTests {
    /// Filters of nbdkit that change how it answers, not what.
    static let filters: [[String]] = [
        [], ["--filter=noextents", "--filter=nozero"], ["--filter=blocksize", "maxdata=4096"],
    ]

    @Test(arguments: filters.indices)
    func `a host reads every block of an image that nbdkit serves`(index: Int) async throws {
        let bench = try await AttachmentTests.Bench()
        let folder = try TemporaryFolder()
        let image = try folder.write(AttachmentTests.image, to: "disk.img")
        let authority = try folder.write(bench.authority, to: "authority.pem")
        let socket = folder.file("nbdkit.sock")
        let filters = Self.filters[index].filter { $0.hasPrefix("--") }
        let parameters = Self.filters[index].filter { !$0.hasPrefix("--") }
        let nbdkit = try RunningProgram(
            try #require(Capability.path(ofTool: "nbdkit")),
            ["-f", "-r", "-U", socket, "--exit-with-parent"] + filters + ["file", image] + parameters)
        while access(socket, F_OK) != 0 { try await Task.sleep(for: .milliseconds(20)) }
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("nbd_bridge.py").path
        let bridge = try RunningProgram(
            "/usr/bin/python3",
            [
                script, "wss://localhost:\(bench.front.port)/nbd/0", authority, "admin", "Secret-12345",
                socket,
            ])
        #expect(try await bridge.firstLine() == "connected")
        let host = try await bench.host()
        _ = try await host.enumerate()
        let unit = try await host.examineUnit()
        #expect(unit.isWriteProtected)
        let report = try await host.readAll(expecting: .image(ExpectedBytes(AttachmentTests.image)))
        #expect(report.verdict == .proven, "\(report)")
        try await bench.eject()
        // The front says why it closes.
        #expect(try await bridge.firstLine() == "closed 1000")
        try await bench.waitUntilGone()
        // Not SIGTERM, which may be blocked in what a test starts.
        kill(nbdkit.processIdentifier, SIGKILL)
        await bench.stop()
    }
}
