import Foundation
import Glibc
import Synchronization
package import VirtualMedia

/// A new folder that only this user can enter, for sockets, certificates and images of one run; gone, with all that
/// is in it, with its last reference.
package final class PrivateFolder: Sendable {
    package let path: String

    /// What a process that is told to end has to remove, since nothing is released then.
    private static let existing = Mutex<Set<String>>([])

    /// - Parameters:
    ///   - name: the folder's begins with it.
    ///   - base: `/tmp` by default and not TMPDIR: paths of sockets have room for 107 bytes.
    package init(_ name: String = "mediarig", in base: String = "/tmp") throws(SystemError) {
        let made = try Self.make(name, in: base)
        path = made
        Self.existing.withLock { _ = $0.insert(made) }
    }

    deinit { remove() }

    /// Makes a folder and leaves it to the caller.
    ///
    /// - Returns: its path.
    package static func make(_ name: String, in base: String = "/tmp") throws(SystemError) -> String {
        var template = Array("\(base)/\(name)-\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(errno, "make a private folder in \(base)") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package func file(_ name: String) -> String { "\(path)/\(name)" }

    package func makeFolder(_ name: String) throws(SystemError) -> String {
        let folder = file(name)
        guard mkdir(folder, 0o700) == 0 else { throw SystemError(errno, "make \(folder)") }
        return folder
    }

    /// Harmless when repeated.
    package func remove() {
        guard Self.existing.withLock({ $0.remove(path) }) != nil else { return }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Removes all that are left. Only for a process about to end: their owners still count on them.
    package static func removeAll() {
        for path in existing.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
    }
}
