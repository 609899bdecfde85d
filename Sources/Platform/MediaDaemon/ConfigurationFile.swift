import Glibc
import VirtualMedia

/// The configuration as a file.
enum ConfigurationFile {
    /// A hundred slots need a few kilobytes.
    static let maximumByteCount = 1 << 20

    struct Problem: Error, CustomStringConvertible {
        /// One line each.
        let lines: [String]
        var description: String { lines.joined(separator: "\n") }
    }

    /// - Parameter warn: takes what is probably not meant.
    static func read(_ path: String, warn: (String) -> Void) throws(Problem) -> MediaConfiguration {
        let result = ConfigurationReader.read(try bytes(of: path), file: path)
        for issue in result.issues where issue.severity == .warning { warn("\(issue)") }
        guard let configuration = result.configuration else {
            throw Problem(lines: result.issues.filter { $0.severity == .error }.map(\.description))
        }
        return configuration
    }

    private static func bytes(of path: String) throws(Problem) -> [UInt8] {
        guard let file = fopen(path, "re") else {
            throw Problem(lines: ["\(path): \(String(cString: strerror(errno))); give a file with --config"])
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: maximumByteCount + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else {
            throw Problem(lines: ["\(path): \(String(cString: strerror(errno)))"])
        }
        guard count <= maximumByteCount else {
            throw Problem(lines: ["\(path): longer than \(maximumByteCount) bytes; is it the right file?"])
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
