import BlockStorage
import DBusProtocol
import HostObserver
import ImageSources
import NBDServer
import RemoteImages
import TestSupport
import Testing
import VirtualMedia

@testable import Verification

/// One emulated BMC with one slot, an image, and a client; checks at the end that nothing is left.
final class Fixture: Sendable {
    let bmc: EmulatedBMC
    let client: SlotClient
    let folder: TemporaryFolder
    let image: String
    let socket: String
    private let slot: SlotConfiguration
    private let server: NBDServer?

    private init(
        isLegacy: Bool, caFile: String?, servesImage: Bool, store: (any BlockStore)?, byteCount: Int,
        stallSeconds: UInt16, errorSeconds: UInt16
    ) async throws {
        folder = try TemporaryFolder()
        image = try folder.writePattern(byteCount, to: "image", seed: 11)
        socket = folder.file("nbd0.sock")
        var slot = SlotConfiguration(name: "Slot_0", mode: isLegacy ? .legacy : .proxy, device: "nbd0")
        slot.socket = socket
        slot.timeoutSeconds = 20
        slot.failurePolicy.stallSeconds = stallSeconds
        slot.failurePolicy.errorSeconds = errorSeconds
        self.slot = slot
        if servesImage && !isLegacy {
            let server = NBDServer(store: try store ?? FileStore(path: image))
            _ = try server.listen(on: .unix(path: socket))
            self.server = server
        } else {
            server = nil
        }
        bmc = try await EmulatedBMC(
            MediaConfiguration(slots: [slot]),
            images: SystemImageOpener(options: HTTPSOptions(caFile: caFile)))
        client = try await SlotClient(
            slot: slot.name, isLegacy: isLegacy, connection: bmc.connect(), clock: bmc.clock,
            spawner: bmc.spawner)
    }

    static func with(
        isLegacy: Bool = false, caFile: String? = nil, servesImage: Bool = true,
        store: (any BlockStore)? = nil,
        byteCount: Int = 1 << 20, stallSeconds: UInt16 = 20, errorSeconds: UInt16 = 60,
        _ body: (Fixture) async throws -> Void
    ) async throws {
        let fixture = try await Fixture(
            isLegacy: isLegacy, caFile: caFile, servesImage: servesImage, store: store, byteCount: byteCount,
            stallSeconds: stallSeconds, errorSeconds: errorSeconds)
        do { try await body(fixture) } catch {
            await fixture.end()
            throw error
        }
        await fixture.end()
    }

    private func end() async {
        await client.close()
        let left = await bmc.shutDown()
        #expect(left == [])
        await server?.stop()
    }

    func mount() async throws {
        try await client.mount()
        try #require(await client.completion(within: .seconds(20)) == 0)
    }

    func anotherClient() async throws -> SlotClient {
        try await SlotClient(
            slot: slot.name, isLegacy: slot.mode == .legacy, connection: bmc.connect(), clock: bmc.clock,
            spawner: bmc.spawner)
    }

    func stopServer() async { await server?.stop() }

    func host() async throws -> HostObserver {
        let views = try await PathViews(slot: slot, client: client, kernel: bmc.kernel)
        let device = try await bmc.kernel.device(on: views.controller, timeout: .seconds(10))
        let clock = bmc.clock
        return HostObserver(
            connection: device, profile: .linux(speed: .superSpeed), now: { clock.now },
            pause: { try? await clock.sleep(until: clock.now + $0) })
    }

    /// Enumerates and reads everything.
    func hostReads() async -> Verdict? {
        do {
            let host = try await host()
            _ = try await host.enumerate()
            _ = try await host.examineUnit()
            return try await host.readAll(expecting: .image(ExpectedFile(path: image))).verdict
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    /// Polls the service, since the end of a slot's patience is not announced to a client.
    func isEventuallyReady(within limit: Duration) async -> Bool {
        let deadline = bmc.clock.now + limit
        while bmc.clock.now < deadline {
            if let reports = await bmc.service.reports().first, reports.report.state == .ready { return true }
            try? await bmc.clock.sleep(until: bmc.clock.now + .milliseconds(50))
        }
        return false
    }
}
