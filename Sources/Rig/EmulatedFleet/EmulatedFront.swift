import BusServer
import DBusProtocol
import FrontPlatform
import HTTPTransport
import ImageSources
import LinuxPlatform
package import NBDServer
package import RedfishServer
import RemoteImages
import USBIPTransport
package import Verification
package import VirtualMedia
package import WebFront

/// A whole emulated BMC: kernel in memory, service, bus, and the front on a port of this machine.
package final class EmulatedFront: Sendable {
    package struct Plan: Sendable {
        /// Where the front listens.
        package var host = "127.0.0.1"
        /// 0 for any.
        package var port = 0
        package var media: MediaConfiguration
        package var userName = "admin"
        package var password: String
        /// Trust these certificates when an image is opened; `nil` for what the system trusts.
        package var imageAuthorities: String?
        /// Where the message bus listens besides, for any D-Bus program.
        package var busPath: String?
        /// `nil` for accounts that are gone with the BMC.
        package var accounts: (any AccountStore)?
        /// Whether hosts enumerate what is plugged in; without them somebody else can.
        package var hasAttentiveHosts = true
        /// Where the devices are exported over USB/IP: then the hosts are elsewhere, and none is here.
        package var usbipAddress: ListenAddress?
        /// Hosts read every medium whole, and say so here.
        package var hostReads: (@Sendable (HostRead) -> Void)?
        package var proxyLimits = ImageProxies.Limits()

        package init(media: MediaConfiguration, password: String) {
            self.media = media
            self.password = password
        }
    }

    package let port: Int
    /// Where other programs find the bus; `nil` without a path for it.
    package let busAddress: String?
    package let bmc: EmulatedBMC
    /// Where USB/IP is served; `nil` without.
    package var usbipAddress: ListenAddress? { usbip?.address }
    private let usbip: USBIPServer?
    private let busHost: BusHost?
    private let server: WebServer
    private let hosts: [any SpawnedTask]
    private let serving: any SpawnedTask
    private let proxying: any SpawnedTask

    /// - Parameter name: of this BMC, for people.
    package static func start(
        _ plan: Plan, name: String, sharing commons: FleetCommons
    ) async throws(FleetFailure) -> EmulatedFront {
        do {
            return try await EmulatedFront(plan, name, commons)
        } catch let failure as FleetFailure { throw failure } catch {
            throw FleetFailure("\(name): \(error)")
        }
    }

    private init(_ plan: Plan, _ name: String, _ commons: FleetCommons) async throws {
        busHost = try plan.busPath.map { path throws(BusError) in
            try BusHost(BusConfiguration(listen: [BusConfiguration.address(ofPath: path)]))
        }
        busAddress = busHost?.addresses.first
        let images = SystemImageOpener(options: HTTPSOptions(caFile: plan.imageAuthorities))
        let bmc = try await EmulatedBMC(
            plan.media, images: images, bus: busHost?.bus, isHostPresent: plan.usbipAddress == nil,
            kernelThread: commons.nextKernelThread())
        self.bmc = bmc
        usbip = try plan.usbipAddress.map { address throws(ListenError) in
            try bmc.exportDevices(at: address)
        }
        let hasHosts = plan.hasAttentiveHosts && plan.usbipAddress == nil
        hosts = (hasHosts ? EmulatedBMC.controllers.flatMap(\.ports) : []).map { port in
            let host = AttentiveHost(bmc.kernel, port: port.name, clock: bmc.clock, told: plan.hostReads)
            // On the kernel's thread a transfer costs no change of threads.
            let spawner = SystemSpawner(shared: bmc.kernelThread)
            return spawner.spawn("\(name) host \(port.name)", .shared) { await host.watch() }
        }
        let accounts: any AccountStore =
            if let kept = plan.accounts { kept } else {
                MemoryAccountStore(await commons.accounts(plan.userName, password: plan.password))
            }
        let redfish = try await RedfishService(
            RedfishConfiguration(
                initialAccounts: [.init(plan.userName, password: plan.password)], uuid: UUIDText.random()),
            on: RedfishPlatform(
                bus: OwnBus(bmc: bmc), clock: bmc.clock, wallClock: SystemWallClock(), spawner: bmc.spawner,
                entropy: SystemEntropy(),
                passwords: commons.passwords, accounts: accounts, secrets: SystemPipes()))
        let proxies = ImageProxies(
            redfish, listeners: SystemListeners(), clock: bmc.clock, spawner: bmc.spawner,
            limits: plan.proxyLimits)
        serving = bmc.spawner.spawn("\(name) redfish", .shared) { await redfish.run() }
        proxying = bmc.spawner.spawn("\(name) proxies", .shared) { await proxies.run() }
        server = try await WebServer.start(
            FrontApplication(redfish, proxies), credentials: commons.credentials,
            at: .address(plan.host, port: plan.port), on: commons.threads)
        port = server.port
    }

    /// Takes everything down: media of clients first, while they still serve.
    package func stop() async {
        proxying.cancel()
        await proxying.finished()
        await server.stop()
        usbip?.stop()
        serving.cancel()
        await serving.finished()
        for host in hosts { host.cancel() }
        _ = await bmc.shutDown()
        busHost?.stop()
    }
}

/// The bus in the same process, without a socket.
private struct OwnBus: BusConnector {
    let bmc: EmulatedBMC
    func connect() async throws(BusError) -> any BusConnection { try await bmc.connect() }
}

/// Something of an emulated BMC could not be started.
package struct FleetFailure: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
