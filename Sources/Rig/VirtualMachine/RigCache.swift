import COpenSSL
import Glibc
internal import WireFormat

/// Where rigs keep what takes time to make: unpacked kernels, initial file systems. All of it can be thrown away
/// at any time.
package struct RigCache: Sendable {
    package let folder: String

    /// - Parameter environment: `XDG_CACHE_HOME` and `HOME` are asked.
    package init(environment: [String: String]) throws(RigFailure) {
        if let base = environment["XDG_CACHE_HOME"], base.hasPrefix("/") {
            folder = "\(base)/mediarig"
        } else if let home = environment["HOME"], home.hasPrefix("/") {
            folder = "\(home)/.cache/mediarig"
        } else {
            throw RigFailure(.environment, "neither XDG_CACHE_HOME nor HOME says where to keep a cache")
        }
    }

    package init(folder: String) { self.folder = folder }

    /// A file that is the same for the same content hashes.
    ///
    /// - Parameter make: writes it, where it is missing.
    func file(
        _ kind: String, hashOf parts: [String], ending: String,
        make: (_ path: String) throws(RigFailure) -> Void
    ) throws(RigFailure) -> String {
        try FileAccess.makeFolder(folder)
        let path = "\(folder)/\(kind)-\(ContentHash.of(Array(parts.joined(separator: "\n").utf8))).\(ending)"
        if FileAccess.exists(path) { return path }
        // Somebody else may be at it too: whoever is first wins, and both have the same.
        let draft = "\(path).\(getpid())"
        do { try make(draft) } catch {
            unlink(draft)
            throw error
        }
        guard rename(draft, path) == 0 else { throw RigFailure(path, errno: errno) }
        return path
    }

    func folder(_ name: String, make: (_ folder: String) throws(RigFailure) -> Void) throws(RigFailure)
        -> String
    {
        try FileAccess.makeFolder(folder)
        let path = "\(folder)/\(name)"
        if FileAccess.exists(path) { return path }
        let draft = "\(path).\(getpid())"
        do { try make(draft) } catch {
            FileAccess.removeAll(draft)
            throw error
        }
        guard rename(draft, path) == 0 || FileAccess.exists(path) else {
            throw RigFailure(path, errno: errno)
        }
        return path
    }
}

/// Names content.
enum ContentHash {
    /// SHA-256, hexadecimal, cut to 128 bits: enough to tell anything from anything.
    static func of(_ bytes: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        SHA256(bytes, bytes.count, &digest)
        return Hexadecimal.text(digest.prefix(16))
    }
}
