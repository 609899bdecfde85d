import BusServer
package import DBusProtocol
import Glibc
package import LinuxPlatform
package import MessageBus
package import SimulatedBMC
package import VirtualMedia

/// One BMC with a host on its cable: the real service, bus, NBD server and sockets around a kernel in
/// memory.
package final class EmulatedBMC: Sendable {
    package let kernel: SimulatedKernel
    package let bus: MessageBus
    package let service: VirtualMediaService
    package let clock = SystemClock()
    package let spawner = SystemSpawner()
    /// Runs the kernel; a host on it too reaches the device without a thread switch.
    package let kernelThread: ThreadExecutor
    private let ownsKernelThread: Bool
    /// Names of the controllers.
    let ports: [String]
    private let serviceConnection: WiredBusConnection
    private let serving: any SpawnedTask

    /// Ports that run as fast as the emulation can, so that the USB bus is not what is measured.
    package static let controllers = [
        ControllerChip(
            ports: (1...4).map {
                .init(name: "emulated-udc.\($0)", devicePath: "/devices/platform/emulated-udc.\($0)")
            },
            endpointCount: 16, maximumSpeed: "super-speed")
    ]

    /// Starts the BMC: bus, service with its name taken, controllers with or without a host.
    ///
    /// - Parameters:
    ///   - bus: one that others are on too; `nil` for one of its own.
    ///   - kernelThread: one that kernels of other BMCs run on too; `nil` for one of its own.
    /// - Throws: `BusError` when the service cannot take its name.
    package init(
        _ configuration: MediaConfiguration, images: any ImageOpener, bus sharedBus: MessageBus? = nil,
        isHostPresent: Bool = true, kernelThread sharedThread: ThreadExecutor? = nil,
        kernelProfile: KernelProfile = .linux6_12, controllers: [ControllerChip] = EmulatedBMC.controllers
    ) async throws(BusError) {
        ports = controllers.flatMap(\.ports).map(\.name)
        kernelThread = sharedThread ?? ThreadExecutor(name: "kernel")
        ownsKernelThread = sharedThread == nil
        kernel = SimulatedKernel(
            executor: kernelThread, clock: clock, spawner: spawner, profile: kernelProfile,
            controllers: controllers)
        bus =
            sharedBus
            ?? MessageBus(
                BusCore(
                    guid: BusIdentity.random(), machineID: BusIdentity.machine(), userID: getuid(),
                    processID: UInt32(getpid())))
        service = VirtualMediaService(
            configuration,
            on: MediaPlatform(
                gadgets: kernel, controllers: kernel, nbd: kernel, uevents: kernel, sockets: SystemSockets(),
                exports: SocketExportServer(), images: images, clock: clock, spawner: spawner,
                secrets: PipeSecretReader()),
            machineID: BusIdentity.machine())
        if isHostPresent {
            for port in ports { await kernel.attachHost(to: port) }
        }
        await service.start()
        serviceConnection = try await bus.connect(Self.credentials)
        let (service, connection) = (service, serviceConnection)
        serving = spawner.spawn("service", .shared) { try? await service.serve(on: connection) }
        try await waitForName()
    }

    /// A new connection to the bus.
    package func connect() async throws(BusError) -> WiredBusConnection {
        try await bus.connect(Self.credentials)
    }

    /// Takes everything down.
    ///
    /// - Returns: what was left behind, in words; empty when nothing was.
    package func shutDown() async -> [String] {
        await service.shutDown()
        let left = await leftovers()
        await serviceConnection.close()
        await serving.finished()
        await kernel.shutDown()
        if ownsKernelThread { kernelThread.stop() }
        return left
    }

    /// What a slot leaves behind while nothing is mounted; empty when it leaves nothing.
    package func leftovers() async -> [String] {
        var left: [String] = []
        if let gadgets = try? await kernel.list("") { left += gadgets.map { "gadget \($0)" } }
        if let controllers = try? await kernel.controllers() {
            left += controllers.filter { !$0.function.isEmpty }.map {
                "controller \($0.name) bound to \($0.function)"
            }
        }
        for number in 0..<16 {
            guard let status = try? await kernel.status(of: "nbd\(number)") else { continue }
            if status.isAttached { left.append("nbd\(number) attached") }
            if status.byteCount > 0 { left.append("nbd\(number) with \(status.byteCount) bytes") }
        }
        return left
    }

    private static var credentials: PeerCredentials {
        PeerCredentials(userID: getuid(), processID: UInt32(getpid()))
    }

    /// The service asks for its name in its own task: the bus says when it has it.
    private func waitForName() async throws(BusError) {
        let connection = try await connect()
        let rule = "type='signal',member='NameOwnerChanged',arg0='\(SlotClient.busName)'"
        _ = try await connection.call(Self.driver("AddMatch", [.string(rule)]))
        let answer = try await connection.call(Self.driver("NameHasOwner", [.string(SlotClient.busName)]))
        if answer.body != [.boolean(true)] {
            for await message in connection.incoming where message.member == "NameOwnerChanged" { break }
        }
        await connection.close()
    }

    private static func driver(_ member: String, _ body: [Value]) -> Message {
        .methodCall(
            destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus, member: member,
            body: body)
    }
}
