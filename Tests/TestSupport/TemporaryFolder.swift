import Foundation

/// A folder that goes away with its last reference. Its path is short, so that socket paths fit.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        var template = Array("/tmp/mrXXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes `bytes` to a new file and returns its path.
    @discardableResult
    package func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    /// A file of `byteCount` bytes in which each aligned 8-byte big-endian word is its own offset,
    /// mixed with the seed: a shifted, swapped or stale block gives itself away.
    package func writePattern(_ byteCount: Int, to name: String, seed: UInt64 = 0) throws -> String {
        try write(Self.pattern(byteCount, seed: seed), to: name)
    }

    package static func pattern(_ byteCount: Int, seed: UInt64 = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount + 8)
        var offset: UInt64 = 0
        while bytes.count < byteCount {
            withUnsafeBytes(of: (offset ^ (seed &* 0x9E37_79B9_7F4A_7C15)).bigEndian) {
                bytes.append(contentsOf: $0)
            }
            offset += 8
        }
        bytes.removeLast(bytes.count - byteCount)
        return bytes
    }
}
