import Glibc

/// What a store that was killed leaves behind: a mount point that nobody answers for any more.
package enum StaleMount {
    /// Says that a mount is one of ours.
    static let type = "fuse.mediarig"

    /// Detaches a dead mount of ours from `path`, and as many as lie on top of each other.
    ///
    /// - Returns: how many.
    /// - Throws: when something is mounted there that is alive, or that is not ours.
    @discardableResult
    package static func clear(_ path: String) throws(MountFailure) -> Int {
        var count = 0
        while let type = mountedType(at: path) {
            guard type == Self.type else {
                throw MountFailure(
                    "\(path): a file system of type \(type) is mounted there; choose another folder")
            }
            var status = stat()
            guard stat(path, &status) != 0, errno == ENOTCONN || errno == ECONNABORTED else {
                throw MountFailure(
                    "\(path): a store is mounted there already; stop it, or choose another folder")
            }
            detach(path)
            guard mountedType(at: path) != type || count < maximumLayers else {
                throw MountFailure("detach the dead mount at \(path)", errno: errno)
            }
            count += 1
        }
        return count
    }

    /// Mounts on top of each other that are cleared.
    private static let maximumLayers = 16

    /// Takes it out of the tree of names at once, whoever still has files of it open.
    static func detach(_ path: String) {
        if geteuid() == 0 {
            umount2(path, CInt(MNT_DETACH))
        } else {
            var identifier = pid_t()
            let texts = ["fusermount3", "-u", "-z", "-q", path]
            var words: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) } + [nil]
            defer { words.forEach { free($0) } }
            guard posix_spawnp(&identifier, "fusermount3", nil, nil, &words, environ) == 0 else { return }
            var status: CInt = 0
            while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        }
    }

    /// The type of what is mounted at `path` topmost; `nil` where it is no mount point.
    package static func mountedType(at path: String) -> String? {
        guard let file = fopen("/proc/self/mountinfo", "re") else { return nil }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        var type: String?
        while getline(&line, &capacity, file) > 0, let text = line.map({ String(cString: $0) }) {
            // "36 35 98:0 /root /mount/point options [tags] - type source options" (proc(5)).
            let parts = text.split(separator: " ")
            guard parts.count > 6, unescaped(parts[4]) == path,
                let dash = parts.firstIndex(of: "-"), dash + 1 < parts.count
            else { continue }
            type = String(parts[dash + 1])
        }
        return type
    }

    /// Space, tab, line feed and backslash are octal there.
    private static func unescaped(_ text: Substring) -> String {
        var result: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let value = UInt8(String(rest.prefix(3)) ?? "", radix: 8) {
                result.append(value)
                rest.removeFirst(3)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
