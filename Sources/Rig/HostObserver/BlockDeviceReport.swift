internal import Glibc

/// What this machine says of a block device, or of a file that stands for one.
package struct BlockDeviceReport: Equatable, Codable, Sendable {
    package var path: String
    package var byteCount: UInt64
    package var logicalBlockByteCount: UInt32
    package var physicalBlockByteCount: UInt32
    /// BLKROGET; of a file, that it may not be written.
    package var isReadOnly: Bool
    /// Past the page cache (O_DIRECT): what is read comes from the device.
    package var isDirect: Bool
    /// `nil` for a file.
    package var isRemovable: Bool?
    package var vendor: String?
    package var model: String?
    package var revision: String?
    /// udev's database: ID_SERIAL, ID_BUS, ID_CDROM and so on; empty where no udevd runs.
    package var properties: [String: String]

    // linux/fs.h: BLKGETSIZE64, BLKSSZGET, BLKPBSZGET and BLKROGET, which are macros.
    private static let getSize64: UInt = 0x8008_1272
    private static let getLogicalBlockSize: UInt = 0x1268
    private static let getPhysicalBlockSize: UInt = 0x127B
    private static let getReadOnly: UInt = 0x125E

    /// What is asked of an opened file.
    static func read(
        path: String, descriptor: CInt, isDirect: Bool, sysfs: String = "/sys",
        udev: String = "/run/udev/data"
    ) throws(ObserverError) -> BlockDeviceReport {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .system(errno: errno, during: path, isOfOneBlock: false)
        }
        switch status.st_mode & S_IFMT {
        case S_IFBLK: break
        case S_IFREG:
            return BlockDeviceReport(
                path: path, byteCount: UInt64(status.st_size), logicalBlockByteCount: 512,
                physicalBlockByteCount: UInt32(max(512, status.st_blksize)),
                isReadOnly: access(path, W_OK) != 0, isDirect: isDirect, properties: [:])
        default: throw .malformed("\(path) is neither a block device nor a file")
        }
        var byteCount: UInt64 = 0
        var logical: CInt = 0
        var physical: UInt32 = 0
        var readOnly: CInt = 0
        let isKnown =
            ioctl(descriptor, Self.getSize64, &byteCount) == 0
            && ioctl(descriptor, Self.getLogicalBlockSize, &logical) == 0
            && ioctl(descriptor, Self.getPhysicalBlockSize, &physical) == 0
            && ioctl(descriptor, Self.getReadOnly, &readOnly) == 0
        guard isKnown else { throw .system(errno: errno, during: "size of \(path)", isOfOneBlock: false) }
        let number = "\(major(status.st_rdev)):\(minor(status.st_rdev))"
        var report = BlockDeviceReport(
            path: path, byteCount: byteCount, logicalBlockByteCount: UInt32(logical),
            physicalBlockByteCount: physical, isReadOnly: readOnly != 0, isDirect: isDirect, properties: [:])
        report.describe(folder: "\(sysfs)/dev/block/\(number)", database: "\(udev)/b\(number)")
        return report
    }

    /// Attributes of the disk; a partition has them in the folder above its own.
    mutating func describe(folder: String, database: String) {
        let disk = Self.text("\(folder)/removable") == nil ? "\(folder)/.." : folder
        isRemovable = Self.text("\(disk)/removable").map { $0 == "1" }
        vendor = Self.text("\(disk)/device/vendor")
        model = Self.text("\(disk)/device/model")
        revision = Self.text("\(disk)/device/rev")
        for line in (Self.contents(database) ?? "").split(separator: "\n") where line.hasPrefix("E:") {
            let parts = line.dropFirst(2).split(separator: "=", maxSplits: 1)
            if parts.count == 2 { properties[String(parts[0])] = String(parts[1]) }
        }
    }

    private static func text(_ path: String) -> String? {
        guard let contents = contents(path) else { return nil }
        let words = contents.split(whereSeparator: \.isWhitespace)
        return words.isEmpty ? nil : words.joined(separator: " ")
    }

    private static func contents(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return count >= 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }

    private static func major(_ device: dev_t) -> UInt64 {
        (UInt64(device) >> 8 & 0xFFF) | (UInt64(device) >> 32 & ~0xFFF)
    }
    private static func minor(_ device: dev_t) -> UInt64 {
        (UInt64(device) & 0xFF) | (UInt64(device) >> 12 & ~0xFF)
    }
}
