import Glibc

/// The text of a configuration file.
package enum ConfigurationText {
    /// A hundred slots need a few kilobytes.
    package static let maximumByteCount = 1 << 20

    /// The file cannot be used; one line for people, with what to do.
    package struct Problem: Error, CustomStringConvertible {
        package let description: String
    }

    package static func bytes(of path: String) throws(Problem) -> [UInt8] {
        guard let file = fopen(path, "re") else {
            throw Problem(
                description: "\(path): \(String(cString: strerror(errno))); give a file with --config")
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: maximumByteCount + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else {
            throw Problem(description: "\(path): \(String(cString: strerror(errno)))")
        }
        guard count <= maximumByteCount else {
            throw Problem(
                description: "\(path): longer than \(maximumByteCount) bytes; is it the right file?")
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
