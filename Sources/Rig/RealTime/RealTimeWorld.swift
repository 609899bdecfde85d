internal import DBusProtocol
internal import HostObserver
internal import LinuxPlatform
internal import VirtualMedia
internal import Worlds

/// A world on the real clock: its bus, store and clients are real, whatever the kernel is.
protocol RealTimeWorld: World {
    var bus: EmulatedBus { get }
    var store: EmulatedStore { get }
    var clients: EmulatedClients { get }
    var secrets: SecretPipes { get }

    /// Everything ends at once, in whatever state it is.
    func takeDown() async
}

extension RealTimeWorld {
    func connectClient() async throws(BusError) -> any BusConnection { try await bus.connect() }

    func secretPipe(user: String, password: String) throws(WorldFailure) -> PassedDescriptor {
        try secrets.pipe(user: user, password: password)
    }

    func offer(_ image: String, to slot: SlotConfiguration, isReadWrite: Bool)
        async throws(WorldFailure) -> String
    {
        guard slot.mode == .proxy else { return store.url(of: image) }
        try clients.serve(image, at: slot, isReadWrite: isReadWrite)
        return ""
    }

    func content(of image: String) -> (any ExpectedImage & Sendable)? { store.content(of: image) }
}

/// Where the sockets, the certificate and the images of one run are.
enum RealTimeFolder {
    static func make() throws(WorldFailure) -> PrivateFolder {
        do throws(SystemError) { return try PrivateFolder("mediarig-run") } catch {
            throw WorldFailure("\(error)")
        }
    }
}
