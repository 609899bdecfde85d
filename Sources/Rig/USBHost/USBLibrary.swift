import CUSB
import Glibc
import Synchronization
import Threads

/// libusb with the one thread that its asynchronous transfers need.
final class USBLibrary: Sendable {
    /// How long the thread sleeps at most before it looks whether it should end.
    private static let eventMilliseconds = 100

    nonisolated(unsafe) let context: OpaquePointer
    private let isClosing = Atomic(false)
    private let hasThreadEnded = Monitor(false)

    init() throws(USBHostFailure) {
        var context: OpaquePointer?
        let status = libusb_init(&context)
        guard status == 0, let context else { throw .unavailable(Self.text(status)) }
        self.context = context
        let isStarted = BlockingThread.start("usb events") { [self] in
            var time = timeval(tv_sec: 0, tv_usec: Self.eventMilliseconds * 1000)
            while !isClosing.load(ordering: .acquiring) {
                libusb_handle_events_timeout_completed(self.context, &time, nil)
            }
            hasThreadEnded.change { $0 = true }
        }
        guard isStarted else {
            libusb_exit(context)
            throw .unavailable("no thread left")
        }
    }

    /// Nothing of it is used afterwards.
    func close() {
        guard !isClosing.exchange(true, ordering: .acquiringAndReleasing) else { return }
        libusb_interrupt_event_handler(context)
        hasThreadEnded.wait { $0 ? () : nil }
        libusb_exit(context)
    }

    static func text(_ status: CInt) -> String {
        String(cString: libusb_strerror(status)).lowercased()
    }
}

/// The devices of this machine, as libusb lists them; they go with their last reference.
final class USBDeviceList {
    struct Entry {
        let pointer: OpaquePointer
        let device: FoundDevice
        let descriptor: libusb_device_descriptor
    }
    let entries: [Entry]
    private let list: UnsafeMutablePointer<OpaquePointer?>?

    /// Opens devices for a moment where a serial number is asked for.
    init(_ library: USBLibrary, readsSerialNumbers: Bool) throws(USBHostFailure) {
        var list: UnsafeMutablePointer<OpaquePointer?>?
        let count = libusb_get_device_list(library.context, &list)
        guard count >= 0 else { throw .unavailable(USBLibrary.text(CInt(count))) }
        self.list = list
        entries = (0..<count).compactMap { index in
            guard let pointer = list?[index] else { return nil }
            var descriptor = libusb_device_descriptor()
            guard libusb_get_device_descriptor(pointer, &descriptor) == 0 else { return nil }
            var ports = [UInt8](repeating: 0, count: DeviceSelector.maximumPortDepth)
            let depth = libusb_get_port_numbers(pointer, &ports, CInt(ports.count))
            // A root hub has no port, and is no device to look at.
            guard depth > 0 else { return nil }
            let device = FoundDevice(
                bus: libusb_get_bus_number(pointer), address: libusb_get_device_address(pointer),
                ports: Array(ports.prefix(Int(depth))), vendorID: descriptor.idVendor,
                productID: descriptor.idProduct,
                serialNumber: readsSerialNumbers ? Self.serialNumber(of: pointer, descriptor) : nil)
            return Entry(pointer: pointer, device: device, descriptor: descriptor)
        }
    }

    deinit { if let list { libusb_free_device_list(list, 1) } }

    private static func serialNumber(
        of device: OpaquePointer, _ descriptor: libusb_device_descriptor
    ) -> String? {
        var handle: OpaquePointer?
        guard descriptor.iSerialNumber != 0, libusb_open(device, &handle) == 0, let handle else { return nil }
        defer { libusb_close(handle) }
        var text = [UInt8](repeating: 0, count: 256)
        let count = libusb_get_string_descriptor_ascii(
            handle, descriptor.iSerialNumber, &text, CInt(text.count))
        return count > 0 ? String(decoding: text.prefix(Int(count)), as: UTF8.self) : nil
    }
}
