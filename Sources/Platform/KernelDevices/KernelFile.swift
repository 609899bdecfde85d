import Glibc
import VirtualMedia

/// Attributes of configfs and sysfs: short texts, each moved in one system call.
enum KernelFile {
    /// No attribute is longer than a page.
    static let maximumByteCount = 4096

    /// - Returns: the text without its last newline.
    static func read(_ path: String, _ operation: @autoclosure () -> String? = nil)
        throws(SystemError) -> String
    {
        var bytes = try bytes(of: path, operation())
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func bytes(of path: String, _ operation: @autoclosure () -> String? = nil)
        throws(SystemError) -> [UInt8]
    {
        let operation = operation() ?? "read \(path)"
        let descriptor = try open(path, O_RDONLY, operation)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maximumByteCount)
        let count = bytes.withUnsafeMutableBytes { buffer in
            retrying { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
        }
        guard count >= 0 else { throw SystemError(errno, operation) }
        bytes.removeLast(maximumByteCount - count)
        return bytes
    }

    /// - Throws: EIO when the kernel took only a part.
    static func write(_ value: String, to path: String, _ operation: @autoclosure () -> String? = nil)
        throws(SystemError)
    {
        let operation = operation() ?? "write \(path)"
        let descriptor = try open(path, O_WRONLY, operation)
        defer { close(descriptor) }
        // Of a write without bytes the kernel tells the attribute nothing.
        let bytes = value.isEmpty ? [UInt8(ascii: "\n")] : Array(value.utf8)
        let count = bytes.withUnsafeBytes { buffer in
            retrying { Glibc.write(descriptor, buffer.baseAddress, buffer.count) }
        }
        guard count >= 0 else { throw SystemError(errno, operation) }
        guard count == bytes.count else {
            throw SystemError(EIO, "\(operation): took \(count) of \(bytes.count) bytes")
        }
    }

    /// The names in a directory, sorted.
    static func names(in path: String, _ operation: @autoclosure () -> String? = nil)
        throws(SystemError) -> [String]
    {
        guard let directory = opendir(path) else {
            throw SystemError(errno, operation() ?? "list \(path)")
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The whole path without links; `nil` when it leads nowhere.
    static func resolved(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private static func open(_ path: String, _ flags: CInt, _ operation: String) throws(SystemError) -> CInt {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError(errno, operation) }
        return descriptor
    }

    private static func retrying(_ call: () -> Int) -> Int {
        while true {
            let count = call()
            if count >= 0 || errno != EINTR { return count }
        }
    }
}
