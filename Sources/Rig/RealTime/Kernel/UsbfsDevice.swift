import CLinux
import Glibc
internal import LinuxPlatform
internal import Threads
internal import USBMassStorage
internal import VirtualMedia
internal import WireFormat
internal import Worlds

/// A USB device of this machine's own host side, through usbfs: its file under /dev/bus/usb.
///
/// The kernel has given it an address; everything after that is ours, since the kernel has no driver look at it: see
/// ``KernelHost``. Calls wait on a thread of the device's.
actor UsbfsDevice: HostDevice {
    /// One request of usbfs; the kernel wants that much memory in one piece for it.
    private static let maximumRequestBytes = 64 << 10

    private let port: KernelHostPort
    private let address: KernelHostPort.Address
    private let descriptor: CInt
    private let thread: ThreadExecutor
    private let clock: any MediaClock
    private var isClaimed = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// - Throws: `.disconnected` when it has gone again, or cannot be opened.
    init(_ address: KernelHostPort.Address, on port: KernelHostPort, clock: any MediaClock)
        throws(USBTransferError)
    {
        descriptor = open(address.file, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw .disconnected }
        self.address = address
        self.port = port
        self.clock = clock
        thread = ThreadExecutor(name: "usb \(port.name)", mayBlock: true)
    }

    deinit {
        close(descriptor)
        thread.stop()
    }

    /// - Throws: `.disconnected` when somebody else has the interface.
    private func claim() throws(USBTransferError) {
        var request = usbdevfs_disconnect_claim()
        request.interface = 0
        guard ioctl(descriptor, UInt(CLINUX_USB_DISCONNECT_CLAIM), &request) == 0 else { throw .disconnected }
    }

    // MARK: Transfers

    func control(_ setup: SetupPacket, data: [UInt8], timeout: Duration) async throws(USBTransferError)
        -> [UInt8]
    {
        // The kernel keeps account of these two, so it has to send them itself.
        switch (setup.requestType, setup.request) {
        case (RequestType.deviceOut, StandardRequest.setConfiguration):
            return try setConfiguration(UInt8(truncatingIfNeeded: setup.value))
        case (0x02, StandardRequest.clearFeature) where setup.value == 0:
            var endpoint = UInt32(setup.index)
            try check(ioctl(descriptor, UInt(CLINUX_USB_CLEAR_HALT), &endpoint))
            return []
        default: break
        }
        var bytes = setup.isDeviceToHost ? [UInt8](repeating: 0, count: Int(setup.length)) : data
        let count = bytes.withUnsafeMutableBytes { buffer in
            var request = usbdevfs_ctrltransfer(
                bRequestType: setup.requestType, bRequest: setup.request, wValue: setup.value,
                wIndex: setup.index, wLength: setup.length, timeout: UInt32(timeout.wholeMilliseconds),
                data: buffer.baseAddress)
            return ioctl(descriptor, UInt(CLINUX_USB_CONTROL), &request)
        }
        try check(count)
        return setup.isDeviceToHost ? Array(bytes.prefix(Int(count))) : []
    }

    /// What the device is configured as already is not sent again: that would make it forget its state.
    private func setConfiguration(_ value: UInt8) throws(USBTransferError) -> [UInt8] {
        if port.configuration(of: address) != value {
            var interface: UInt32 = 0
            _ = ioctl(descriptor, UInt(CLINUX_USB_RELEASE_INTERFACE), &interface)
            var wanted = UInt32(value)
            try check(ioctl(descriptor, UInt(CLINUX_USB_SET_CONFIGURATION), &wanted))
            isClaimed = false
        }
        if !isClaimed { try claim() }
        isClaimed = true
        return []
    }

    func bulkOut(endpoint: UInt8, _ bytes: Bytes, timeout: Duration) async throws(USBTransferError) {
        var rest = bytes
        repeat {
            var piece = Array(rest.prefix(Self.maximumRequestBytes))
            rest.removeFirst(piece.count)
            let sent = bulk(UInt32(endpoint), &piece, timeout)
            try check(sent)
            guard Int(sent) == piece.count else { throw .timedOut }
        } while !rest.isEmpty
    }

    func bulkIn(endpoint: UInt8, byteCount: Int, timeout: Duration) async throws(USBTransferError) -> [Bytes]
    {
        var pieces: [Bytes] = []
        var left = byteCount
        repeat {
            var piece = [UInt8](repeating: 0, count: min(left, Self.maximumRequestBytes))
            let received = bulk(UInt32(endpoint) | 0x80, &piece, timeout)
            try check(received)
            if received > 0 { pieces.append(piece[..<Int(received)]) }
            left -= Int(received)
            // A short packet ends what the device has to say.
            if Int(received) < piece.count { break }
        } while left > 0
        return pieces
    }

    private func bulk(_ endpoint: UInt32, _ bytes: inout [UInt8], _ timeout: Duration) -> CInt {
        bytes.withUnsafeMutableBytes { buffer in
            var request = usbdevfs_bulktransfer(
                ep: endpoint, len: UInt32(buffer.count), timeout: UInt32(timeout.wholeMilliseconds),
                data: buffer.baseAddress)
            return ioctl(descriptor, UInt(CLINUX_USB_BULK), &request)
        }
    }

    func resetPort() async throws(USBTransferError) {
        try check(ioctl(descriptor, UInt(CLINUX_USB_RESET), 0))
        // A reset takes the interface away from whoever has it; SET_CONFIGURATION comes next.
        isClaimed = false
    }

    private func check(_ status: CInt) throws(USBTransferError) {
        guard status < 0 else { return }
        switch errno {
        case EPIPE: throw .stalled
        case ETIMEDOUT: throw .timedOut
        case EOVERFLOW: throw .babbled
        default: throw .disconnected
        }
    }

    // MARK: Its end

    func departed() async {
        while port.device == address {
            guard (try? await clock.sleep(until: clock.now + KernelHostPort.lookInterval)) != nil else {
                return
            }
        }
    }
}
