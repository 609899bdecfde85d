import Foundation

/// The repository as text, for checks on its structure.
enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    struct File: Sendable {
        /// From the root: "Sources/Service/NBDServer/Listener.swift".
        let path: String
        let lines: [String]
        var parts: [String] { path.split(separator: "/").map(String.init) }
    }

    static let swiftFiles: [File] = ["Sources", "Tests"].flatMap { files(in: $0, endingWith: ".swift") }

    static func files(in folder: String, endingWith suffix: String) -> [File] {
        let base = root.appendingPathComponent(folder)
        let found = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return found.filter { $0.hasSuffix(suffix) }.sorted().compactMap { name in
            guard let text = try? String(contentsOf: base.appendingPathComponent(name), encoding: .utf8)
            else {
                return nil
            }
            return File(path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n"))
        }
    }
}
