import LinuxPlatform
import NBDServer
import SimulatedBMC
import TestSupport
import USBIPTransport
import VirtualMedia

/// A simulated kernel with one gadget on real threads, exported on a unix socket or on loopback.
final class ExportedGadget: Sendable {
    static let controller = "dummy_udc.0"
    static let lun = "g1/functions/mass_storage.0/lun.0"

    let kernel: SimulatedKernel
    let server: USBIPServer
    let image: [UInt8]
    private let executor: ThreadExecutor
    private let folder: TemporaryFolder?

    /// - Parameter isLocal: on a unix socket; otherwise on a TCP port of loopback.
    init(imageByteCount: Int = 4 << 20, isLocal: Bool = true) async throws {
        image = TemporaryFolder.pattern(imageByteCount)
        executor = ThreadExecutor(name: "kernel")
        let spawner = SystemSpawner(shared: executor)
        kernel = SimulatedKernel(
            executor: executor, clock: SystemClock(), spawner: spawner,
            controllers: ControllerChip.dummies(2))
        await kernel.addFile("/images/disk.img", image)
        for step in [
            "g1", "g1/strings/0x409", "g1/configs/c.1", "g1/functions/mass_storage.0",
        ] {
            try await kernel.makeDirectory(step)
        }
        try await kernel.write("0x1d6b", to: "g1/idVendor")
        try await kernel.write("0x0104", to: "g1/idProduct")
        try await kernel.write("0123456789AB", to: "g1/strings/0x409/serialnumber")
        try await kernel.write("/images/disk.img", to: Self.lun + "/file")
        try await kernel.makeLink(at: "g1/configs/c.1/f", to: "g1/functions/mass_storage.0")
        try await kernel.write(Self.controller, to: "g1/UDC")
        let folder = isLocal ? try TemporaryFolder() : nil
        self.folder = folder
        let address =
            folder.map { ListenAddress.unix(path: $0.file("usbip.sock")) }
            ?? .tcp(host: "127.0.0.1", port: 0)
        server = try USBIPServer(
            [
                SimulatedExport(
                    kernel: kernel, controller: Self.controller, deviceNumber: 2, spawner: spawner),
                SimulatedExport(
                    kernel: kernel, controller: "dummy_udc.1", deviceNumber: 3, spawner: spawner),
            ], at: address, spawner: spawner)
        _ = server.start()
    }

    func connect() async throws -> USBIPConnection {
        try await USBIPConnection.importDevice("1-2", at: server.address, timeout: .seconds(30))
    }

    func shutDown() async {
        server.stop()
        await kernel.shutDown()
        executor.stop()
    }
}
