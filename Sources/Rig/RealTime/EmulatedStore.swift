internal import Certificates
import FaultPoints
import FaultyFiles
import Glibc
import ImageSources
internal import LinuxPlatform
import RemoteImages
import RemoteStore
import Scenarios
import StoreService
import Synchronization
import Threads
import VirtualMedia
internal import Worlds

/// The remote store of an emulated world: the store service's files and HTTPS server, with their faults, on
/// loopback; and the service's own image source on the way to it.
final class EmulatedStore: WorldStore {
    private let images: StoredImages
    private let tree: FaultyTree
    private let authority: CertificateAuthority
    /// What its clients have to trust.
    let certificatePath: String
    private let configuration: ImageServer.Configuration
    private let port: UInt16
    private let clock: RunClock
    private let server = Mutex<ImageServer?>(nil)
    private let standing = Standing()

    private let changed: @Sendable (_ image: String) -> Void

    /// - Parameters:
    ///   - folder: for images and certificate; private to this run.
    ///   - changed: is told of each new version once it is there.
    init(
        _ topology: Scenario.Topology, in folder: PrivateFolder, faults: any FaultInjector, clock: RunClock,
        changed: @escaping @Sendable (_ image: String) -> Void
    ) throws(WorldFailure) {
        self.clock = clock
        self.changed = changed
        images = try StoredImages(topology, in: folder)
        do throws(Errno) {
            tree = try FaultyTree(
                directory: images.folder, isReadOnly: true, injector: faults, startedAt: clock.startedAt)
        } catch { throw WorldFailure("the store: \(error)") }
        certificatePath = folder.file("ca.pem")
        var configuration = ImageServer.Configuration()
        configuration.folder = TreeImages(tree: tree)
        configuration.user = topology.store.user
        configuration.password = topology.store.password
        let conduct = StoreConduct(
            topology.store, faults: ServerFaults(book: faults, tree: tree), standing: standing)
        configuration.answerFaults = { conduct.answer($0) }
        configuration.handshakeFaults = { conduct.handshake($0) }
        do {
            authority = try CertificateAuthority(name: "MediaRig run authority")
            try authority.writeCertificate(to: certificatePath)
            let server = try ImageServer(authority: authority, configuration)
            port = server.port
            // Clients find it where it was, after a restart too.
            configuration.port = server.port
            self.configuration = configuration
            self.server.withLock { $0 = server }
        } catch { throw WorldFailure("the image server: \(error)") }
    }

    func url(of image: String) -> String { "https://127.0.0.1:\(port)/\(image)" }

    /// The service's way to the store, its threads started by that process.
    func opener(for spawner: any Spawner) -> any ImageOpener {
        SystemImageOpener(
            options: HTTPSOptions(caFile: certificatePath), clock: clock, spawner: spawner)
    }

    // MARK: What is on it

    /// As the store shows it now; `nil` once removed.
    func content(of image: String) -> ImageSnapshot? {
        ImageSnapshot(path: images.path(of: image), as: tree.appearance(of: image))
    }

    func change(_ change: Scenario.Step.ImageChange) throws(WorldFailure) {
        try images.change(change)
        if change.kind == .restore { tree.mend(change.image) }
        changed(change.image)
    }

    /// Up again after a crash of its files, and nothing hangs any more.
    func recover() {
        tree.restart()
        tree.endHangs()
    }

    // MARK: What befalls it

    func setRunning(_ isRunning: Bool) async throws(WorldFailure) {
        if isRunning { try start() } else { await stopServer() }
    }

    func dropConnections() async throws(WorldFailure) {
        await stopServer()
        try start()
    }

    /// Stands still: connections are taken, nothing is answered.
    func setPaused(_ isPaused: Bool) { if isPaused { standing.begin() } else { standing.end() } }

    func shutDown() async {
        setPaused(false)
        tree.waitingRoom.stop()
        await stopServer()
    }

    private func start() throws(WorldFailure) {
        guard server.withLock({ $0 == nil }) else { return }
        do {
            let fresh = try ImageServer(authority: authority, configuration)
            server.withLock { $0 = fresh }
        } catch { throw WorldFailure("the image server: \(error)") }
    }

    /// Joining its threads blocks, which a task must not.
    private func stopServer() async {
        let last = server.withLock { server in
            defer { server = nil }
            return server
        }
        guard let last else { return }
        // Requests that a fault holds would keep their threads.
        tree.waitingRoom.endAll(with: Errno(ENOTCONN))
        _ = await BlockingThread.value("store stop") { last.stop() }
    }
}
