import Glibc
import LinuxPlatform
package import NBDServer
import SimulatedBMC
package import USBIPTransport

extension EmulatedBMC {
    /// Where Linux's `usbip` looks for exported devices.
    package static let usualUSBIPPort: UInt16 = 3240

    /// Exports every controller's port over USB/IP, as 1-1, 1-2 and so on: whoever imports one is the host at the
    /// other end of its cable, so no other host may be attached. A port is listed while a gadget is bound to it.
    ///
    /// - Returns: what serves until it is stopped; to be stopped before the BMC is shut down.
    package func exportDevices(at address: ListenAddress) throws(ListenError) -> USBIPServer {
        let spawner = SystemSpawner(shared: kernelThread)
        let server = try USBIPServer(
            ports.enumerated().map { number, port in
                SimulatedExport(
                    kernel: kernel, controller: port, deviceNumber: UInt16(number + 1), spawner: spawner)
            }, at: address, spawner: spawner)
        guard server.start() else { throw ListenError(.other(errno: EAGAIN), server.address) }
        return server
    }

    /// As ``exportDevices(at:)`` names it.
    package func busID(of controller: String) -> String? {
        ports.firstIndex(of: controller).map { "1-\($0 + 1)" }
    }
}
