import DBusProtocol
import DescriptorPassing
import Foundation
import FrontPlatform
import Glibc
import HTTPTransport
import LinuxPlatform
import RedfishServer
import Synchronization
import TestSupport
import Verification
import VirtualMedia
import WebFront

/// A whole front before an emulated BMC, with the server that ships: HTTPS on a socket that the clients' own network
/// namespace hands out.
final class CagedFront: Sendable {
    static let user = "root"
    static let password = "0penBmc-test"

    /// Where the namespace hands its listening socket out.
    let gate: String
    let authority: String
    private let gateListener: CInt
    private let identity: WebServer.Identity
    private let service: RedfishService
    private let proxies: ImageProxies
    private let threads = WebThreads()
    private let server = Mutex<WebServer?>(nil)
    private let running: [any SpawnedTask]
    private let bmc: EmulatedBMC
    private let folder: TemporaryFolder

    init(images: any ImageOpener) async throws {
        let folder = try TemporaryFolder()
        self.folder = folder
        var proxy = SlotConfiguration(name: "Slot_0", mode: .proxy, device: "nbd0")
        proxy.socket = folder.file("nbd0")
        proxy.endpoint = "/nbd/0"
        let legacy = [2, 3].map { SlotConfiguration(name: "Slot_\($0)", mode: .legacy, device: "nbd\($0)") }
        let bmc = try await EmulatedBMC(MediaConfiguration(slots: [proxy] + legacy), images: images)
        self.bmc = bmc
        var configuration = RedfishConfiguration(
            initialAccounts: [.init(Self.user, password: Self.password)],
            uuid: "00000000-0000-4000-8000-00000000000a")
        configuration.httpsPort = 8443
        let state = try StateFolder(at: folder.file("state"))
        let service = try await RedfishService(
            configuration,
            on: RedfishPlatform(
                bus: EmulatedConnector(bmc: bmc), clock: SystemClock(), wallClock: SystemWallClock(),
                spawner: SystemSpawner(), entropy: SystemEntropy(),
                passwords: ScryptHashing(cost: .init(logarithm: 10, parallelism: 1)),
                accounts: state.accounts, secrets: SystemPipes(), settings: state.settings,
                delivery: NoListener()))
        let proxies = ImageProxies(
            service, listeners: SystemListeners(), clock: SystemClock(), spawner: SystemSpawner())
        (self.service, self.proxies) = (service, proxies)
        let files = IdentityFolder(path: state.path)
        identity = try files.identity(names: ["127.0.0.1"])
        authority = files.authorityPath
        gate = folder.file("gate")
        gateListener = try DescriptorSocket.listen(at: .path(gate))
        running = [
            SystemSpawner().spawn("front", .shared) { await service.run() },
            SystemSpawner().spawn("proxies", .shared) { await proxies.run() },
        ]
        while await service.slots() == nil { await Task.yield() }
    }

    /// Serves on the socket that comes through the gate, once it does.
    func serve() -> any SpawnedTask {
        SystemSpawner().spawn("gate", .ownThread) { [self] in
            guard let client = await waitForClient() else { return }
            defer { close(client) }
            guard let listener = Self.descriptor(from: client) else { return }
            let started = try? await WebServer.start(
                FrontApplication(service, proxies), credentials: WebServer.Credentials(identity),
                at: .listening(listener), on: threads)
            server.withLock { $0 = started }
        }
    }

    private static func descriptor(from client: CInt) -> CInt? {
        var readable = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
        var (byte, descriptors): ([UInt8], [CInt]) = ([0], [])
        guard poll(&readable, 1, 10_000) == 1 else { return nil }
        _ = byte.withUnsafeMutableBytes {
            DescriptorSocket.receive(into: $0, descriptors: &descriptors, from: client)
        }
        return descriptors.first
    }

    private func waitForClient() async -> CInt? {
        let listener = gateListener
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let client = accept(listener, nil, nil)
                continuation.resume(returning: client >= 0 ? client : nil)
            }
        }
    }

    func shutDown(_ serving: any SpawnedTask) async {
        Glibc.shutdown(gateListener, CInt(SHUT_RDWR))
        await serving.finished()
        close(gateListener)
        running[1].cancel()
        await running[1].finished()
        await server.withLock { $0 }?.stop()
        running[0].cancel()
        await running[0].finished()
        await threads.stop()
        _ = await bmc.shutDown()
    }
}

private struct EmulatedConnector: BusConnector {
    let bmc: EmulatedBMC
    func connect() async throws(BusError) -> any BusConnection { try await bmc.connect() }
}

/// The front itself is outside, where nobody that a client names may be called.
private struct NoListener: EventDelivery {
    func post(_ push: EventPush) async -> Bool { false }
}
