package import SimulatedBMC
package import USBIPProtocol
import USBMassStorage
package import VirtualMedia

/// The port of a simulated controller, for export: its cable goes to whoever imports it.
package struct SimulatedExport: ExportableDevice {
    private let kernel: SimulatedKernel
    private let controller: String
    private let busID: String
    private let deviceNumber: UInt32
    private let spawner: any Spawner

    /// - Parameters:
    ///   - deviceNumber: from 1; makes the bus id "1-`deviceNumber`".
    ///   - spawner: on the kernel's own threads; it watches for the device to leave.
    package init(
        kernel: SimulatedKernel, controller: String, deviceNumber: UInt16, spawner: any Spawner
    ) {
        self.kernel = kernel
        self.controller = controller
        self.deviceNumber = UInt32(deviceNumber)
        self.spawner = spawner
        busID = "1-\(deviceNumber)"
    }

    package func announcement() async -> ExportedDevice? {
        guard let device = await kernel.boundDevice(on: controller) else { return nil }
        return ExportedDevice(
            path: "/sys/devices/platform/\(controller)/usb1/\(busID)", busID: busID, busNumber: 1,
            deviceNumber: deviceNumber, speed: .init(device.speed), vendorID: device.vendorID,
            productID: device.productID, deviceRelease: device.deviceRelease,
            interfaces: [
                .init(
                    classCode: MassStorageInterface.classCode,
                    subclass: MassStorageInterface.scsiTransparent,
                    protocolCode: MassStorageInterface.bulkOnly)
            ])
    }

    package func plugIn(departed: @escaping @Sendable () -> Void) async -> (any PluggedDevice)? {
        guard await kernel.boundDevice(on: controller) != nil,
            await !kernel.isHostAttached(to: controller)
        else { return nil }
        await kernel.attachHost(to: controller)
        guard let connection = try? await kernel.device(on: controller, timeout: .zero) else {
            await kernel.detachHost(from: controller)
            return nil
        }
        spawner.spawn("usbip departure", .shared) {
            await connection.departed()
            departed()
        }
        return Plugged(kernel: kernel, controller: controller, connection: connection)
    }

    private struct Plugged: PluggedDevice {
        let kernel: SimulatedKernel
        let controller: String
        let connection: SimulatedUSBConnection

        func submit(
            _ transfer: USBTransfer, as number: TransferID,
            completion: @escaping @Sendable (TransferOutcome) -> Void
        ) async {
            await connection.submit(transfer, as: number, completion: completion)
        }

        func cancel(_ number: TransferID) async { await connection.cancel(number) }
        func unplug() async { await kernel.detachHost(from: controller) }
    }
}
