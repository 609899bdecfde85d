import Foundation

/// A folder that only this user can enter, for sockets and certificates; gone with its last reference.
final class PrivateFolder: Sendable {
    let path: String

    init() throws(PlanError) {
        var template = Array("/tmp/mediarig-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw PlanError("cannot make a private folder in /tmp: \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}
