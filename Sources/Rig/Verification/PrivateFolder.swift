import Foundation
import Synchronization

/// A folder that only this user can enter, for sockets, certificates and images made for a run; gone with its
/// last reference.
package final class PrivateFolder: Sendable {
    package let path: String

    /// What a process that is told to end has to remove, since nothing is released then.
    private static let existing = Mutex<Set<String>>([])

    package init() throws(PlanError) {
        var template = Array("/tmp/mediarig-\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw PlanError("cannot make a private folder in /tmp: \(String(cString: strerror(errno)))")
        }
        let made = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = made
        Self.existing.withLock { _ = $0.insert(made) }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
        Self.existing.withLock { _ = $0.remove(path) }
    }

    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Removes all that are left. Only for a process about to end: their owners still count on them.
    package static func removeAll() {
        for path in existing.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
    }
}
