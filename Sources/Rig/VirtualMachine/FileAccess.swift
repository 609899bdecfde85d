import Glibc

/// Whole files of this machine, read and written at once.
package enum FileAccess {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func read(_ path: String) throws(RigFailure) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw RigFailure(path, errno: errno) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw RigFailure(path, errno: errno) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress! + filled, $0.count - filled)
            }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                break
            }
            filled += count
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    /// What the kernel shows as a file, whose size it does not tell.
    static func line(of path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer[..<count].prefix { $0 != 10 }, as: UTF8.self)
    }

    /// In place of what was there, whole or not at all.
    package static func write(_ bytes: [UInt8], to path: String, permissions: UInt32 = 0o644)
        throws(RigFailure)
    {
        let draft = "\(path).\(getpid())"
        let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, permissions)
        guard file >= 0 else { throw RigFailure(draft, errno: errno) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file, $0.baseAddress! + written, $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let code = errno
                close(file)
                unlink(draft)
                throw RigFailure(draft, errno: code)
            }
            written += count
        }
        close(file)
        guard rename(draft, path) == 0 else { throw RigFailure(path, errno: errno) }
    }

    static func makeFolder(_ path: String, permissions: UInt32 = 0o755) throws(RigFailure) {
        var current = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            current += "/\(part)"
            guard mkdir(current, permissions) == 0 || errno == EEXIST || errno == EISDIR || exists(current)
            else { throw RigFailure(current, errno: errno) }
        }
    }

    /// Names in a folder, sorted; none where there is no folder.
    static func names(in folder: String) -> [String] {
        guard let listing = opendir(folder) else { return [] }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// All files below a folder, as paths from it, sorted.
    static func files(below folder: String) -> [String] {
        var found: [String] = []
        var folders = [""]
        while let current = folders.popLast() {
            for name in names(in: "\(folder)/\(current)") {
                let path = current.isEmpty ? name : "\(current)/\(name)"
                var status = stat()
                guard lstat("\(folder)/\(path)", &status) == 0 else { continue }
                switch status.st_mode & S_IFMT {
                case S_IFDIR: folders.append(path)
                case S_IFREG: found.append(path)
                default: break
                }
            }
        }
        return found.sorted()
    }

    static func removeAll(_ folder: String) {
        for name in names(in: folder) {
            let path = "\(folder)/\(name)"
            var status = stat()
            if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                removeAll(path)
            } else {
                unlink(path)
            }
        }
        rmdir(folder)
    }
}
