import Foundation
import Glibc
import Synchronization
internal import Worlds

/// A folder that only this user can enter, for the sockets, certificate and images of one run; gone with its last
/// reference.
package final class RunFolder: Sendable {
    package let path: String

    /// What a process that is told to end has to remove, since nothing is released then.
    private static let existing = Mutex<Set<String>>([])

    init() throws(WorldFailure) {
        // Paths of sockets have room for 107 bytes, so not below TMPDIR.
        var template = Array("/tmp/mediarig-run-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw WorldFailure("cannot make a folder in /tmp: \(String(cString: strerror(errno)))")
        }
        let made = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = made
        Self.existing.withLock { _ = $0.insert(made) }
    }

    deinit { remove() }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func makeFolder(_ name: String) throws(WorldFailure) -> String {
        let folder = file(name)
        guard mkdir(folder, 0o700) == 0 else {
            throw WorldFailure("\(folder): \(String(cString: strerror(errno)))")
        }
        return folder
    }

    /// Harmless when repeated.
    func remove() {
        guard Self.existing.withLock({ $0.remove(path) }) != nil else { return }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// How many there are now.
    static var count: Int { existing.withLock { $0.count } }

    /// Removes all that are left. Only for a process about to end: their owners still count on them.
    package static func removeAll() {
        for path in existing.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
    }
}
