import Glibc
package import RedfishServer
import Threads

/// A file that nobody else may read, replaced as a whole: a crash at any moment leaves the old one or the new.
struct PrivateFile: Sendable {
    private let path: String
    /// Larger files are not ours.
    private static let maximumBytes = 1 << 20

    init(_ path: String) { self.path = path }

    /// - Returns: `nil` when there is no file.
    func contents() async throws(StoreFailure) -> [UInt8]? {
        let path = self.path
        return try await Self.onThread { () throws(StoreFailure) in try Self.contents(of: path) }
    }

    func replace(with text: [UInt8]) async throws(StoreFailure) {
        let path = self.path
        try await Self.onThread { () throws(StoreFailure) in try Self.replace(path, with: text) }
    }

    private static func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws(StoreFailure) -> Value
    ) async throws(StoreFailure) -> Value {
        let result = await BlockingThread.value("private file") {
            Result { () throws(StoreFailure) in try body() }
        }
        guard let result else { throw StoreFailure("the system has no thread left to use a file") }
        return try result.get()
    }

    private static func contents(of path: String) throws(StoreFailure) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("open", path)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("stat", path) }
        guard status.st_mode & 0o077 == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw StoreFailure("\(path): others may read or write it; set its mode to 0600")
        }
        var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
        var count = 0
        while count < bytes.count {
            let read = bytes.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress! + count, $0.count - count)
            }
            if read < 0 { throw failure("read", path) }
            if read == 0 { break }
            count += read
        }
        guard count <= maximumBytes else { throw StoreFailure("\(path): more than \(maximumBytes) bytes") }
        return Array(bytes.prefix(count))
    }

    private static func replace(_ path: String, with text: [UInt8]) throws(StoreFailure) {
        let next = path + ".new"
        // What a crash left of an earlier attempt is of no use to anybody.
        unlink(next)
        let file = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure("create", next) }
        var offset = 0
        while offset < text.count {
            let written = text.withUnsafeBytes { write(file, $0.baseAddress! + offset, $0.count - offset) }
            guard written > 0 else {
                let error = failure("write", next)
                close(file)
                unlink(next)
                throw error
            }
            offset += written
        }
        guard fsync(file) == 0, close(file) == 0, rename(next, path) == 0 else {
            let error = failure("replace", path)
            unlink(next)
            throw error
        }
        let folder = path.lastIndex(of: "/").map { path[..<$0].isEmpty ? "/" : String(path[..<$0]) } ?? "."
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw failure("open", folder) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw failure("sync", folder) }
    }

    private static func failure(_ operation: String, _ path: String) -> StoreFailure {
        StoreFailure("\(operation) \(path): \(String(cString: strerror(errno)))")
    }
}

/// What administrators have set, as a JSON file.
package struct SettingsFile: SettingsStore {
    private let file: PrivateFile

    package init(path: String) { file = PrivateFile(path) }

    package func load() async throws(StoreFailure) -> [UInt8]? { try await file.contents() }
    package func save(_ text: [UInt8]) async throws(StoreFailure) { try await file.replace(with: text) }
}
