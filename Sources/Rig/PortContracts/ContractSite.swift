import Glibc
package import KernelDevices
import LinuxPlatform
import SimulatedBMC
import VirtualMedia

/// Something to hold contracts against, from its set-up to its end.
package struct ContractSite: Sendable {
    package let subject: ContractSubject
    /// Gives everything back. The subject is not used afterwards.
    package let end: @Sendable () async -> Void

    /// The simulated kernel, on threads and the real clock, as Linux 6.1 is.
    package static func simulation() async -> ContractSite {
        let executor = ThreadExecutor(name: "kernel")
        let (clock, spawner) = (SystemClock(), SystemSpawner())
        let kernel = SimulatedKernel(
            executor: executor, clock: clock, spawner: spawner, profile: .linux6_1,
            controllers: ControllerChip.dummies(2))
        for image in ContractImages.all { await kernel.addFile("/images/\(image.name)", image.bytes) }
        let subject = ContractSubject(
            gadgets: kernel, controllers: kernel, nbd: kernel, uevents: kernel, clock: clock,
            spawner: spawner, controllerNames: ["dummy_udc.0", "dummy_udc.1"], devices: ["nbd0", "nbd1"],
            imageFolder: "/images")
        return ContractSite(subject: subject) {
            await kernel.shutDown()
            executor.stop()
        }
    }

    /// This machine's kernel. Gadgets g1 and g2 are made and removed; devices and controllers are used that
    /// nobody uses.
    ///
    /// - Throws: what the machine lacks.
    package static func kernel(_ mode: KernelNBDDriver.Mode = .netlink) async throws(ContractSiteFailure)
        -> ContractSite
    {
        let (clock, spawner) = (SystemClock(), SystemSpawner())
        let (gadgets, controllers) = (ConfigFSGadgetTree(), SysfsControllerDirectory())
        let nbd = KernelNBDDriver(mode: mode, clock: clock, spawner: spawner)
        do {
            let names = try await gadgets.list("")
            for name in ["g1", "g2"] where names.contains(name) {
                throw ContractSiteFailure("there is a gadget \(name); remove it first")
            }
            let free = try await controllers.controllers().filter(\.function.isEmpty).map(\.name)
            guard free.count >= 2 else {
                throw ContractSiteFailure(
                    "\(free.count) free USB device controllers; two are needed: modprobe dummy_hcd num=2")
            }
            var devices: [String] = []
            for number in 0..<64 where devices.count < 2 {
                guard let status = try? await nbd.status(of: "nbd\(number)") else { break }
                if !status.isAttached { devices.append("nbd\(number)") }
            }
            guard devices.count == 2 else {
                throw ContractSiteFailure("no two free nbd devices: modprobe nbd")
            }
            let folder = try images()
            let subject = ContractSubject(
                gadgets: gadgets, controllers: controllers, nbd: nbd, uevents: UdevUevents(), clock: clock,
                spawner: spawner, controllerNames: Array(free.prefix(2)), devices: devices,
                imageFolder: folder)
            return ContractSite(subject: subject) { removeImages(folder) }
        } catch let error as SystemError {
            throw ContractSiteFailure("\(error); load libcomposite, mount configfs, and be root")
        } catch let error as ContractSiteFailure {
            throw error
        } catch { throw ContractSiteFailure("\(error)") }
    }

    private static func images() throws(SystemError) -> String {
        let folder = try PrivateFolder.make("mediarig-contracts")
        for image in ContractImages.all {
            let path = "\(folder)/\(image.name)"
            guard let file = fopen(path, "we") else { throw SystemError(errno, "write \(path)") }
            let count = fwrite(image.bytes, 1, image.bytes.count, file)
            guard fclose(file) == 0, count == image.bytes.count else {
                throw SystemError(EIO, "write \(path)")
            }
        }
        return folder
    }

    private static func removeImages(_ folder: String) {
        for image in ContractImages.all { unlink("\(folder)/\(image.name)") }
        rmdir(folder)
    }
}

/// What a machine lacks to have contracts held against it.
package struct ContractSiteFailure: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
