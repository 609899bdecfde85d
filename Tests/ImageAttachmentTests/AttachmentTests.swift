import BlockStorage
import EmulatedFleet
import Foundation
import FrontPlatform
import HTTPTransport
import HostObserver
import LinuxPlatform
import SimulatedBMC
import Synchronization
import TestSupport
import Testing
import USBMassStorage
import VirtualMedia
import WebFront

@testable import ImageAttachment

/// An image on its way through WebSocket, front, service, nbd and USB, to a host that compares every block.
struct AttachmentTests {
    static let image = TemporaryFolder.pattern(5_000_192, seed: 7)

    /// A BMC with one Proxy slot, and what is needed to attach to it.
    final class Bench: Sendable {
        let folder: TemporaryFolder
        let front: EmulatedFront
        let commons: FleetCommons
        let authority: [UInt8]
        let clock = SystemClock()
        let spawner = SystemSpawner()

        init(
            stall: UInt16 = 20, requestTimeout: UInt16 = 20, grace: Duration = .seconds(30)
        ) async throws {
            folder = try TemporaryFolder()
            let files = IdentityFolder(path: folder.path)
            commons = try FleetCommons(
                identity: try files.identity(names: ["localhost"]), passwordCost: 8)
            var media = SlotLayout.slots(1, socketsIn: folder.path)
            media.slots[0].failurePolicy.stallSeconds = stall
            media.slots[0].requestTimeoutSeconds = requestTimeout
            var plan = EmulatedFront.Plan(media: media, password: "Secret-12345")
            plan.hasAttentiveHosts = false
            plan.proxyLimits.grace = grace
            front = try await EmulatedFront.start(plan, name: "bmc", sharing: commons)
            authority = try #require(try IdentityFolder.read(files.authorityPath))
        }

        func stop() async {
            await front.stop()
            await commons.stop()
        }

        func attachment(
            _ store: any BlockStore, user: String = "admin", password: String = "Secret-12345",
            path: String = "/nbd/0", port: Int? = nil, reconnect: Duration = .seconds(30)
        ) -> ImageAttachment {
            var limits = ImageAttachment.Limits()
            limits.reconnect = reconnect
            return ImageAttachment(
                store,
                to: .init(
                    host: "localhost", port: port ?? front.port, path: path,
                    fields: [("Authorization", Self.basic(user, password))]),
                WebSocketClient(trust: .authorities(authority)), clock: clock, spawner: spawner,
                limits: limits)
        }

        static func basic(_ user: String, _ password: String) -> String {
            "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
        }

        func eject() async throws {
            try await SlotEjection(
                .init(
                    host: "localhost", port: front.port, path: "/nbd/0",
                    fields: [("Authorization", Self.basic("admin", "Secret-12345"))]),
                trust: .authorities(authority)
            ).run()
        }

        /// Another administrator.
        func makeAccount(_ user: String, password: String) async throws {
            var request = CurlRequest("https://localhost:\(front.port)/redfish/v1/AccountService/Accounts")
            request.headers = [
                ("Authorization", Self.basic("admin", "Secret-12345")), ("Content-Type", "application/json"),
            ]
            let body = #"{"UserName": "\#(user)", "Password": "\#(password)", "RoleId": "Administrator"}"#
            request.body = Array(body.utf8)
            request.trust = .authorities(authority)
            #expect(try await request.send().status == 201)
        }

        /// The BMC takes a medium from the host in its own time.
        func waitUntilGone() async throws {
            let deadline = clock.now + .seconds(60)
            while await !front.bmc.leftovers().isEmpty {
                try #require(clock.now < deadline, "the medium is still there")
                try await clock.sleep(until: clock.now + .milliseconds(20))
            }
        }

        /// The host's view of the medium, once it is plugged in.
        func host() async throws -> HostObserver {
            let device = try await front.bmc.kernel.device(
                on: EmulatedFrontPorts.first, timeout: .seconds(30))
            let clock = self.clock
            return HostObserver(
                connection: device, profile: .linux(speed: .superSpeed), now: { clock.now },
                pause: { try? await clock.sleep(until: clock.now + $0) })
        }
    }

    enum EmulatedFrontPorts { static let first = "emulated-udc.1" }

    @Test func `the host reads every block of an attached image, and stopping takes it away`() async throws {
        let bench = try await Bench()
        let attachment = bench.attachment(MemoryStore(Self.image, isReadOnly: true))
        let end = Mutex<ImageAttachment.End?>(nil)
        let running = bench.spawner.spawn("attach", .shared) {
            let result = await attachment.run()
            end.withLock { $0 = result }
        }
        let host = try await bench.host()
        _ = try await host.enumerate()
        _ = try await host.examineUnit()
        let report = try await host.readAll(expecting: .image(ExpectedBytes(Self.image)))
        #expect(report.verdict == .proven, "\(report)")
        await attachment.stop()
        await running.finished()
        #expect(end.withLock { $0 } == .done)
        try await bench.waitUntilGone()
        await bench.stop()
    }

    @Test func `who may not, or asks for nothing that is there, is told so`() async throws {
        let bench = try await Bench()
        let store = MemoryStore(Self.image, isReadOnly: true)
        for (attachment, status) in [
            (bench.attachment(store, password: "wrong"), "401"),
            (bench.attachment(store, path: "/nbd/7"), "404"),
        ] {
            guard case .refused(let why) = await attachment.run() else {
                Issue.record("it was let in")
                continue
            }
            #expect(why.contains(status))
        }
        await bench.stop()
    }
}
