/// Goes through a document once, and keeps what is wrong with it and which names it uses.
package struct DocumentReader {
    /// More than these are not told: they are seldom more than one mistake.
    package static let maximumProblems = 50

    /// What has a name in a scenario.
    package enum NameKind: String, Sendable, CaseIterable {
        case slot, image, fault
    }

    private struct Use {
        var kind: NameKind
        var name: String
        var mark: TextMark?
        var path: String
    }

    private var problems: [ScenarioProblem] = []
    private var path: [String] = []
    private var definitions: [Use] = []
    private var references: [Use] = []

    package init() {}

    package mutating func complain(_ mark: TextMark?, _ message: String) {
        guard problems.count < Self.maximumProblems else { return }
        problems.append(ScenarioProblem(mark, path: pathText, message))
    }

    package mutating func complain(_ node: DocumentNode, expected: String) {
        complain(node.mark, "expected \(expected), found \(node.words)")
    }

    /// Reads something below `key`, so that complaints say where.
    package mutating func below<Result>(_ key: String, _ body: (inout DocumentReader) -> Result) -> Result {
        path.append(key)
        defer { path.removeLast() }
        return body(&self)
    }

    package mutating func define(_ kind: NameKind, _ name: String, at mark: TextMark?) {
        definitions.append(Use(kind: kind, name: name, mark: mark, path: pathText))
    }

    package mutating func refer(to kind: NameKind, _ name: String, at mark: TextMark?) {
        references.append(Use(kind: kind, name: name, mark: mark, path: pathText))
    }

    /// Everything wrong, in the order of the document, with names used twice or not defined.
    package mutating func finish() -> [ScenarioProblem] {
        for kind in NameKind.allCases {
            checkNames(kind, definitions.filter { $0.kind == kind }, references.filter { $0.kind == kind })
        }
        return problems.enumerated()
            .sorted {
                ($0.element.line, $0.element.column, $0.offset)
                    < ($1.element.line, $1.element.column, $1.offset)
            }
            .map(\.element)
    }

    private mutating func checkNames(_ kind: NameKind, _ definitions: [Use], _ references: [Use]) {
        var first: [String: Use] = [:]
        for use in definitions {
            if let earlier = first[use.name] {
                let place = earlier.mark.map { "line \($0.line)" } ?? earlier.path
                problems.append(
                    ScenarioProblem(
                        use.mark, path: use.path,
                        "there is another \(kind.rawValue) \"\(use.name)\" at \(place)"))
            } else {
                first[use.name] = use
            }
        }
        let names = first.keys.sorted()
        for use in references where first[use.name] == nil {
            problems.append(
                ScenarioProblem(
                    use.mark, path: use.path,
                    "no \(kind.rawValue) \"\(use.name)\"; \(Suggestion.text(for: use.name, among: names))"))
        }
    }

    private var pathText: String {
        var text = ""
        for part in path { text += text.isEmpty || part.hasPrefix("[") ? part : ".\(part)" }
        return text
    }
}
