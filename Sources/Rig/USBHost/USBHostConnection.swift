import CUSB
import Glibc
import Threads
package import USBMassStorage
package import WireFormat

/// A USB device on a port of this machine, driven from here through libusb.
///
/// The kernel's driver is detached, and attached again by ``close()``: `/dev/sdX` goes and comes back.
/// What the kernel and libusb must know of themselves, SET_CONFIGURATION and the end of a halt, goes their
/// way instead of down endpoint 0.
package final class USBHostConnection: USBDeviceConnection {
    package let device: FoundDevice
    private let library: USBLibrary
    private let interface: ClaimedInterface

    /// Finds, opens and claims the device; waits for it, so not for the threads of Swift's pool.
    ///
    /// - Throws: ``USBHostFailure``; nothing of the device is held then.
    package static func open(_ selector: DeviceSelector) async throws(USBHostFailure) -> USBHostConnection {
        let result = await BlockingThread.value("usb open") {
            () -> Result<USBHostConnection, USBHostFailure> in
            do throws(USBHostFailure) { return .success(try USBHostConnection(selector)) } catch {
                return .failure(error)
            }
        }
        guard let result else { throw .unavailable("no thread left") }
        return try result.get()
    }

    /// Gives the devices of all connections back to their drivers; for a process that is told to end.
    package static func releaseAll() { ClaimedInterface.releaseAll() }

    /// - Returns: every device that is no root hub, by its place.
    package static func devices() throws(USBHostFailure) -> [FoundDevice] {
        let library = try USBLibrary()
        defer { library.close() }
        return try USBDeviceList(library, readsSerialNumbers: true).entries.map(\.device)
    }

    private init(_ selector: DeviceSelector) throws(USBHostFailure) {
        library = try USBLibrary()
        do throws(USBHostFailure) {
            (device, interface) = try Self.claim(selector, library)
        } catch {
            library.close()
            throw error
        }
    }

    private static func claim(_ selector: DeviceSelector, _ library: USBLibrary) throws(USBHostFailure)
        -> (FoundDevice, ClaimedInterface)
    {
        let list = try USBDeviceList(library, readsSerialNumbers: true)
        let meant = list.entries.filter { $0.device.isMeant(by: selector) }
        guard let entry = meant.first else {
            throw .notFound(selector, present: list.entries.map(\.device))
        }
        guard meant.count == 1 else { throw .ambiguous(selector, meant.map(\.device)) }
        guard let number = massStorageInterface(of: entry.pointer) else {
            throw .notMassStorage(entry.device)
        }
        var handle: OpaquePointer?
        let status = libusb_open(entry.pointer, &handle)
        guard status == 0, let handle else {
            throw status == LIBUSB_ERROR_ACCESS.rawValue
                ? .notPermitted(entry.device)
                : .refused(operation: "open \(entry.device)", reason: USBLibrary.text(status))
        }
        return (
            entry.device,
            try ClaimedInterface(handle: handle, interface: number, device: entry.device)
        )
    }

    /// Of the first configuration; the host observer reads the descriptors itself and judges them.
    private static func massStorageInterface(of device: OpaquePointer) -> UInt8? {
        var configuration: UnsafeMutablePointer<libusb_config_descriptor>?
        guard libusb_get_config_descriptor(device, 0, &configuration) == 0, let configuration else {
            return nil
        }
        defer { libusb_free_config_descriptor(configuration) }
        for index in 0..<Int(configuration.pointee.bNumInterfaces) {
            let interface = configuration.pointee.interface[index]
            for alternate in 0..<Int(interface.num_altsetting) {
                let setting = interface.altsetting[alternate]
                if setting.bInterfaceClass == MassStorageInterface.classCode,
                    setting.bInterfaceSubClass == MassStorageInterface.scsiTransparent,
                    setting.bInterfaceProtocol == MassStorageInterface.bulkOnly
                {
                    return setting.bInterfaceNumber
                }
            }
        }
        return nil
    }

    /// Gives the device back to the kernel's driver. Harmless when repeated; waits for what is in flight to
    /// be over, so transfers come before it.
    package func close() async {
        _ = await BlockingThread.value("usb close") { [interface, library] in
            interface.close()
            library.close()
        }
    }

    // MARK: Transfers

    package func control(_ setup: SetupPacket, data: [UInt8], timeout: Duration)
        async throws(USBTransferError) -> [UInt8]
    {
        switch (setup.requestType, setup.request) {
        case (RequestType.deviceOut, StandardRequest.setConfiguration):
            try await wait { $0.setConfiguration(CInt(setup.value)) }
            return []
        case (RequestType.endpointOut, StandardRequest.clearFeature)
        where setup.value == FeatureSelector.endpointHalt:
            try await wait { interface in
                interface.use { libusb_clear_halt($0, UInt8(truncatingIfNeeded: setup.index)) }
            }
            return []
        default: return try await run(.control(setup, data: data), timeout)
        }
    }

    package func bulkOut(endpoint: UInt8, _ bytes: Bytes, timeout: Duration) async throws(USBTransferError) {
        _ = try await run(.bulkOut(endpoint: endpoint, bytes), timeout)
    }

    package func bulkIn(endpoint: UInt8, byteCount: Int, timeout: Duration)
        async throws(USBTransferError) -> [Bytes]
    {
        [try await run(.bulkIn(endpoint: endpoint, byteCount: byteCount), timeout)[...]]
    }

    package func resetPort() async throws(USBTransferError) {
        try await wait { interface in interface.use { libusb_reset_device($0) } }
    }

    private func run(_ kind: USBTransferRun.Kind, _ timeout: Duration) async throws(USBTransferError)
        -> [UInt8]
    {
        let milliseconds = UInt32(clamping: max(1, timeout.wholeMilliseconds))
        let result = await withCheckedContinuation { continuation in
            USBTransferRun.start(kind, on: interface, timeout: milliseconds, continuation)
        }
        return try result.get()
    }

    /// What libusb has only as a call that waits.
    private func wait(_ body: @escaping @Sendable (ClaimedInterface) -> CInt) async throws(USBTransferError) {
        let status = await BlockingThread.value("usb request") { [interface] in body(interface) }
        switch status {
        case 0: return
        case LIBUSB_ERROR_TIMEOUT.rawValue: throw .timedOut
        case LIBUSB_ERROR_PIPE.rawValue: throw .stalled
        default: throw .disconnected
        }
    }
}
