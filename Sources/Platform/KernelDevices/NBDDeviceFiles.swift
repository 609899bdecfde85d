import CLinux
import Glibc
import VirtualMedia

/// What sysfs tells of nbd devices, and what is done with their device files. All calls wait.
struct NBDDeviceFiles: Sendable {
    /// Requests on the wire are no longer than this; Linux 6.1 begins with 128 KiB.
    static let maximumRequestKilobytes = 1024
    private static let sectorBytes: UInt64 = 512
    /// Of a buffer for reads past the cache: no block is longer than a page.
    private static let bufferAlignment = 4096

    var sysfs = "/sys/block"
    var devices = "/dev"

    /// - Throws: ENODEV when there is no such device: the module is not loaded, or made fewer.
    func number(of device: String, _ operation: String) throws(SystemError) -> UInt32 {
        guard device.hasPrefix("nbd"), let number = UInt32(device.dropFirst(3)), "nbd\(number)" == device
        else {
            throw SystemError(ENODEV, "\(operation): \(device) is no nbd device")
        }
        guard KernelFile.exists("\(sysfs)/\(device)") else {
            throw SystemError(ENODEV, "\(operation): there is no \(device); load nbd")
        }
        return number
    }

    /// Between the start of an attachment and the last close after its end.
    func isAttached(_ device: String) -> Bool { KernelFile.exists("\(sysfs)/\(device)/pid") }

    /// Of an attachment made through netlink.
    func backendIdentifier(of device: String) -> String? {
        try? KernelFile.read("\(sysfs)/\(device)/backend")
    }

    func status(of device: String) throws(SystemError) -> NBDDeviceStatus {
        _ = try number(of: device, "status \(device)")
        let folder = "\(sysfs)/\(device)"
        let counters = try KernelFile.read("\(folder)/stat").split(separator: " ").map { UInt64($0) ?? 0 }
        // Documentation/block/stat.rst: sectors read are the third, sectors written the seventh number.
        guard counters.count >= 7 else {
            throw SystemError(EPROTO, "status \(device): \(folder)/stat has \(counters.count) numbers")
        }
        let isAttached = isAttached(device)
        return NBDDeviceStatus(
            isAttached: isAttached, liveConnections: 0,
            byteCount: (UInt64(try KernelFile.read("\(folder)/size")) ?? 0) * Self.sectorBytes,
            isReadOnly: try KernelFile.read("\(folder)/ro") == "1",
            backendIdentifier: isAttached ? backendIdentifier(of: device) : nil,
            readBytes: counters[2] * Self.sectorBytes, writtenBytes: counters[6] * Self.sectorBytes)
    }

    /// Reads ahead as asked, and asks the server for much at once.
    func tune(_ device: String, readAheadBytes: Int) throws(SystemError) {
        let queue = "\(sysfs)/\(device)/queue"
        let hardware = Int(try KernelFile.read("\(queue)/max_hw_sectors_kb")) ?? 0
        let present = Int(try KernelFile.read("\(queue)/max_sectors_kb")) ?? 0
        let wanted = min(Self.maximumRequestKilobytes, hardware)
        if present < wanted { try KernelFile.write("\(wanted)", to: "\(queue)/max_sectors_kb") }
        try KernelFile.write("\(max(0, readAheadBytes) / 1024)", to: "\(queue)/read_ahead_kb")
    }

    // MARK: Device files

    /// Reads past the page cache, so that what comes is what the server says now.
    func read(_ byteCount: Int, at offset: UInt64, from device: String) throws(SystemError) -> [UInt8] {
        let operation = "read \(device)"
        let status = try status(of: device)
        guard status.isAttached else { throw SystemError(ENODEV, operation) }
        guard byteCount >= 0, offset <= status.byteCount, UInt64(byteCount) <= status.byteCount - offset
        else {
            throw SystemError(EINVAL, "\(operation): \(byteCount) bytes at \(offset) of \(status.byteCount)")
        }
        let descriptor = try open(device, CInt(CLINUX_O_DIRECT), operation)
        defer { close(descriptor) }
        var block: CInt = 0
        guard
            withUnsafeMutablePointer(
                to: &block, { clinux_ioctl_pointer(descriptor, UInt(CLINUX_BLKSSZGET), $0) }) == 0
        else { throw SystemError(errno, operation) }
        let blockBytes = UInt64(block)
        let start = offset / blockBytes * blockBytes
        let end = (offset + UInt64(byteCount) + blockBytes - 1) / blockBytes * blockBytes
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, Int(end - start)), alignment: Self.bufferAlignment)
        defer { buffer.deallocate() }
        var filled = 0
        while filled < Int(end - start) {
            let count = pread(
                descriptor, buffer.baseAddress! + filled, Int(end - start) - filled,
                off_t(start) + off_t(filled))
            if count > 0 {
                filled += count
            } else if count == 0 {
                break
            } else if errno != EINTR {
                throw SystemError(errno, operation)
            }
        }
        return Array(buffer[..<filled].dropFirst(Int(offset - start)).prefix(byteCount))
    }

    /// Writes back what is dirty, and has the server make it durable.
    func flush(_ device: String) throws(SystemError) {
        let operation = "flush \(device)"
        _ = try number(of: device, operation)
        guard isAttached(device) else { throw SystemError(ENODEV, operation) }
        let descriptor = try open(device, 0, operation)
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SystemError(errno, operation) }
    }

    /// What is dirty is written first, as the kernel drops nothing else.
    func dropCache(of device: String) throws(SystemError) {
        let operation = "drop cache of \(device)"
        _ = try number(of: device, operation)
        let descriptor = try open(device, 0, operation)
        defer { close(descriptor) }
        guard clinux_ioctl(descriptor, UInt(CLINUX_BLKFLSBUF), 0) == 0 else {
            throw SystemError(errno, operation)
        }
    }

    private func open(_ device: String, _ flags: CInt, _ operation: String) throws(SystemError) -> CInt {
        let descriptor = Glibc.open("\(devices)/\(device)", O_RDONLY | O_CLOEXEC | flags)
        guard descriptor >= 0 else { throw SystemError(errno, operation) }
        return descriptor
    }
}
