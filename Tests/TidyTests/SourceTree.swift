import Foundation

/// The repository as text, for checks on its structure.
enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    struct File: Sendable {
        /// From the root: "Sources/Service/NBDServer/Listener.swift".
        let path: String
        let text: String
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
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            return File(path: "\(folder)/\(name)", text: text, lines: lines)
        }
    }

    /// Where `mark` stands as a word of its own in code: not inside a longer name, not in a comment.
    static func lines(of file: File, using mark: String) -> [Int] {
        // Most files hold none: one pass over the bytes settles that.
        guard strstr(file.text, mark) != nil else { return [] }
        return file.lines.enumerated().compactMap { index, line in
            let code = line.range(of: "//").map { line[..<$0.lowerBound] } ?? line[...]
            guard let found = code.range(of: mark) else { return nil }
            let isWord =
                found.lowerBound == code.startIndex || !isNamePart(code[code.index(before: found.lowerBound)])
            return isWord ? index + 1 : nil
        }
    }

    private static func isNamePart(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }
}
