/// One thing wrong with a document.
package struct ScenarioProblem: Error, Equatable, Codable {
    /// 0 where the document was not read from text.
    package var line: Int
    package var column: Int
    /// "steps[2].insert.slot"; empty at the top.
    package var path: String
    /// What was found, what is allowed, and where it helps, what may have been meant.
    package var message: String

    package init(_ mark: TextMark?, path: String, _ message: String) {
        line = mark?.line ?? 0
        column = mark?.column ?? 0
        self.path = path
        self.message = message
    }

    /// "smoke.yaml:12:7: steps[2].insert.slot: no slot "Slot_O"; did you mean "Slot_0"?"
    package func text(file: String) -> String {
        let place = line > 0 ? "\(file):\(line):\(column)" : file
        return path.isEmpty ? "\(place): \(message)" : "\(place): \(path): \(message)"
    }
}

/// A document that cannot be used.
package struct ScenarioDocumentError: Error, Equatable, Sendable {
    package var file: String
    /// In the order of the document; never empty.
    package var problems: [ScenarioProblem]

    package init(file: String, _ problems: [ScenarioProblem]) {
        self.file = file
        self.problems = problems
    }
}

extension ScenarioDocumentError: CustomStringConvertible {
    package var description: String { problems.map { $0.text(file: file) }.joined(separator: "\n") }
}
