/// A cpio archive of the "newc" kind, as the kernel unpacks it into its first root (kernel:
/// Documentation/driver-api/early-userspace/buffer-format.rst). The same entries give the same bytes: there
/// are no times and no owners but root in it.
///
/// Each entry:
///
///     | "070701" | 13 numbers, 8 hexadecimal digits each | name, NUL | pad to 4 | data | pad to 4 |
package struct ArchiveWriter {
    /// The field for the size has 32 bits.
    package static let maximumFileBytes = Int(UInt32.max)
    package private(set) var bytes: [UInt8] = []
    private var nextInode: UInt32 = 1
    private var folders: Set<String> = []

    package init() {}

    /// - Parameters:
    ///   - path: from the root, without a slash in front: "bin/busybox". Folders above it are made.
    ///   - permissions: nine bits.
    /// - Precondition: at most ``maximumFileBytes``.
    package mutating func add(file path: String, permissions: UInt32 = 0o644, _ data: [UInt8]) {
        addFolders(above: path)
        append(path, mode: 0o100000 | permissions, data)
    }

    package mutating func add(link path: String, to target: String) {
        addFolders(above: path)
        append(path, mode: 0o120777, Array(target.utf8))
    }

    package mutating func add(folder path: String) {
        addFolders(above: path)
        guard folders.insert(path).inserted else { return }
        append(path, mode: 0o040755, [])
    }

    package mutating func add(characterDevice path: String, major: UInt32, minor: UInt32) {
        addFolders(above: path)
        append(path, mode: 0o020600, [], device: (major, minor))
    }

    /// The whole archive, ended as it must be.
    package func finished() -> [UInt8] {
        var whole = self
        whole.nextInode = 0
        whole.append("TRAILER!!!", mode: 0, [])
        return whole.bytes
    }

    private mutating func addFolders(above path: String) {
        var parts = path.split(separator: "/")
        precondition(!parts.isEmpty && path.first != "/", "no path of an archive: \(path)")
        parts.removeLast()
        for count in 0..<parts.count {
            let folder = parts[...count].joined(separator: "/")
            if folders.insert(folder).inserted { append(folder, mode: 0o040755, []) }
        }
    }

    private mutating func append(
        _ name: String, mode: UInt32, _ data: [UInt8], device: (major: UInt32, minor: UInt32) = (0, 0)
    ) {
        precondition(data.count <= Self.maximumFileBytes, "\(name) has \(data.count) bytes")
        let linkCount: UInt32 = mode & 0o170000 == 0o040000 ? 2 : 1
        bytes += Array("070701".utf8)
        let numbers: [UInt32] = [
            nextInode, mode, 0, 0, linkCount, 0, UInt32(data.count), 0, 0, device.major, device.minor,
            UInt32(name.utf8.count + 1), 0,
        ]
        for number in numbers {
            let digits = String(number, radix: 16, uppercase: true)
            bytes += Array(String(repeating: "0", count: 8 - digits.count).utf8) + Array(digits.utf8)
        }
        bytes += Array(name.utf8) + [0]
        pad()
        bytes += data
        pad()
        nextInode += 1
    }

    private mutating func pad() {
        while !bytes.count.isMultiple(of: 4) { bytes.append(0) }
    }
}
