import BlockStorage
import Certificates
import DBusProtocol
import Foundation
import HTTPRanges
import HostObserver
import ImageSources
import NBDServer
import RemoteStore
import TestSupport
import Testing
import VirtualMedia

@testable import Verification

/// What goes wrong while a medium is in or on its way ends within its deadline and leaves nothing.
struct FaultTests {
    @Test func `a second mount of a busy slot is refused and disturbs nothing`() async throws {
        try await Fixture.with { fixture in
            try await fixture.mount()
            let error = await #expect(throws: BusError.self) { try await fixture.client.mount() }
            #expect(error?.name == "org.freedesktop.DBus.Error.AccessDenied")
            #expect(await fixture.hostReads() == .proven)
        }
    }

    @Test func `of two mounts at once one wins and one is told that the slot is busy`() async throws {
        try await Fixture.with { fixture in
            let other = try await fixture.anotherClient()
            async let first: Void = fixture.client.mount()
            async let second: Void = other.mount()
            var refusals: [BusError] = []
            do { try await first } catch { refusals.append(error as! BusError) }
            do { try await second } catch { refusals.append(error as! BusError) }
            #expect(refusals.count == 1)
            #expect(await fixture.client.completion(within: .seconds(10)) == 0)
            await other.close()
        }
    }

    @Test func `an unmount while a mount hangs on a stalled server ends both`() async throws {
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(1 << 20, to: "image")
        let authority = try CertificateAuthority()
        var configuration = ImageServer.Configuration()
        configuration.images = ["/image": .file(path: image)]
        configuration.planner = { _ in
            var plan = ResponsePlan()
            plan.delay = .seconds(60)
            return plan
        }
        let server = try ImageServer(try authority.issue(), configuration)
        try authority.writeCertificate(to: folder.file("ca.pem"))
        let url = server.url("/image")
        try await Fixture.with(isLegacy: true, caFile: folder.file("ca.pem")) { fixture in
            try await fixture.client.mount([.string(url)])
            try await fixture.client.unmount()
            let codes = [
                await fixture.client.completion(within: .seconds(15)),
                await fixture.client.completion(within: .seconds(15)),
            ]
            #expect(codes.contains(CompletionCode.cancelled.rawValue), "\(codes)")
            #expect(codes.contains(0), "\(codes)")
        }
        #expect(server.stop())
    }

    @Test func `a client that vanishes in mid-call leaves the slot usable`() async throws {
        try await Fixture.with { fixture in
            let visitor = try await fixture.bmc.connect()
            try await visitor.send(
                .methodCall(
                    destination: SlotClient.busName, path: fixture.client.path,
                    interface: "\(SlotClient.busName).Proxy", member: "Mount"))
            await visitor.close()
            #expect(await fixture.client.completion(within: .seconds(10)) == 0)
            #expect(await fixture.hostReads() == .proven)
        }
    }

    @Test func `an NBD server killed under the host's reads gives errors and never wrong bytes`() async throws
    {
        try await Fixture.with(byteCount: 8 << 20, stallSeconds: 1, errorSeconds: 1) { fixture in
            try await fixture.mount()
            let host = try await fixture.host()
            _ = try await host.enumerate()
            _ = try await host.examineUnit()
            await fixture.stopServer()
            try await fixture.bmc.kernel.dropCache(of: "nbd0")
            let report = try await host.readAll(expecting: .image(ExpectedFile(path: fixture.image)))
            #expect(report.verdict != .proven)
            #expect(report.mismatches.isEmpty)
            if case .mismatch = report.verdict { Issue.record("\(report.verdict)") }
            // The policy of the slot: stall, then errors, then the medium goes by itself.
            #expect(await fixture.isEventuallyReady(within: .seconds(30)))
        }
    }

    @Test(arguments: ["missing", "stale", "file"])
    func `a socket that cannot be connected to is told from the others`(kind: String) async throws {
        try await Fixture.with(servesImage: false) { fixture in
            switch kind {
            case "stale":
                let server = NBDServer(store: MemoryStore(byteCount: 512))
                _ = try server.listen(on: .unix(path: fixture.socket + ".x"))
                try #require(link(fixture.socket + ".x", fixture.socket) == 0)
                await server.stop()
            case "file": try Data([0]).write(to: URL(fileURLWithPath: fixture.socket))
            default: break
            }
            try await fixture.client.mount()
            let expected: [String: CompletionCode] = [
                "missing": .notFound, "stale": .connectionRefused, "file": .notASocket,
            ]
            #expect(await fixture.client.completion(within: .seconds(10)) == expected[kind]?.rawValue)
            let properties = try await fixture.client.properties()
            guard case .string(let text)? = properties["Slot.LastError"] else {
                Issue.record("no LastError")
                return
            }
            #expect(text.contains(fixture.socket), "\(text)")
        }
    }

    @Test func `a file that shrinks under the host gives errors and never wrong bytes`() async throws {
        try await Fixture.with(byteCount: 8 << 20, stallSeconds: 1, errorSeconds: 1) { fixture in
            try await fixture.mount()
            let host = try await fixture.host()
            _ = try await host.enumerate()
            _ = try await host.examineUnit()
            let expected = ExpectedBytes(TemporaryFolder.pattern(8 << 20, seed: 11))
            try await fixture.bmc.kernel.dropCache(of: "nbd0")
            try #require(truncate(fixture.image, 4096) == 0)
            let report = try await host.readAll(expecting: .image(expected))
            #expect(report.mismatches.isEmpty)
            #expect(report.verdict != .proven)
        }
    }

    @Test func `a file that grows is seen as it was when it was opened`() async throws {
        try await Fixture.with(byteCount: 1 << 20) { fixture in
            try await fixture.mount()
            let file = try #require(FileHandle(forWritingAtPath: fixture.image))
            try file.seekToEnd()
            try file.write(contentsOf: Data(repeating: 9, count: 4096))
            try file.close()
            let host = try await fixture.host()
            _ = try await host.enumerate()
            #expect(try await host.examineUnit().byteCount == 1 << 20)
            let expected = ExpectedBytes(TemporaryFolder.pattern(1 << 20, seed: 11))
            #expect(try await host.readAll(expecting: .image(expected)).verdict == .proven)
        }
    }

    @Test func `no free controller is the error, and the device is given back`() async throws {
        try await Fixture.with { fixture in
            for port in EmulatedBMC.controllers.flatMap(\.ports) {
                try await fixture.bmc.kernel.occupyController(port.name, by: "keyboard")
            }
            try await fixture.client.mount()
            #expect(
                await fixture.client.completion(within: .seconds(10)) == CompletionCode.noController.rawValue)
            #expect(try await fixture.bmc.kernel.list("") == [])
            #expect(try await fixture.bmc.kernel.status(of: "nbd0").isAttached == false)
            for port in EmulatedBMC.controllers.flatMap(\.ports) {
                await fixture.bmc.kernel.vacateController(port.name)
            }
        }
    }

    @Test func `a port in use says so`() async throws {
        let store = MemoryStore(byteCount: 512)
        let first = NBDServer(store: store)
        let address = try first.listen(on: .tcp(host: "127.0.0.1", port: 0))
        let second = NBDServer(store: store)
        let error = #expect(throws: ListenError.self) { try second.listen(on: address) }
        #expect("\(error!)".contains("already"), "\(error!)")
        await first.stop()
        await second.stop()
    }
}
