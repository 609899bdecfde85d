import Yams

/// Reads YAML, and so JSON too, into nodes that know where they stand.
package enum YAMLReader {
    /// Longer documents are refused: the longest shipped has a fortieth of it.
    package static let maximumByteCount = 1 << 20
    /// Values in a document, those that aliases repeat counted each time.
    package static let maximumNodes = 200_000
    package static let maximumDepth = 64

    package static func read(_ text: String) throws(ScenarioProblem) -> DocumentNode {
        guard text.utf8.count <= maximumByteCount else {
            throw problem(
                nil, "a document of \(text.utf8.count) bytes; at most \(maximumByteCount) are read")
        }
        let root: Node?
        do { root = try Parser(yaml: text, resolver: .basic).singleRoot() } catch let error as YamlError {
            throw problem(of: error)
        } catch {
            throw problem(nil, "not YAML: \(error)")
        }
        guard let root else { throw problem(TextMark(line: 1, column: 1), "the document is empty") }
        var count = 0
        return try node(root, depth: 0, count: &count)
    }

    private static func node(_ node: Node, depth: Int, count: inout Int) throws(ScenarioProblem)
        -> DocumentNode
    {
        let mark = node.mark.map { TextMark(line: $0.line, column: $0.column) }
        count += 1
        guard count <= maximumNodes else { throw problem(mark, "more than \(maximumNodes) values") }
        guard depth <= maximumDepth else { throw problem(mark, "more than \(maximumDepth) levels deep") }
        switch node {
        case .scalar(let scalar):
            return DocumentNode(ScalarText.content(scalar.string, isPlain: isPlain(scalar)), mark: mark)
        case .sequence(let sequence):
            var elements: [DocumentNode] = []
            for element in sequence {
                elements.append(try Self.node(element, depth: depth + 1, count: &count))
            }
            return DocumentNode(.list(elements), mark: mark)
        case .mapping(let mapping):
            var entries: [DocumentNode.Entry] = []
            for (key, value) in mapping {
                guard case .scalar(let name) = key else {
                    throw problem(mark, "a key must be a word, not a list or map")
                }
                let keyMark = key.mark.map { TextMark(line: $0.line, column: $0.column) }
                let value = try Self.node(value, depth: depth + 1, count: &count)
                entries.append(DocumentNode.Entry(name.string, value, keyMark: keyMark))
            }
            return DocumentNode(.map(entries), mark: mark)
        case .alias:
            throw problem(mark, "an alias that stands for nothing")
        }
    }

    private static func isPlain(_ scalar: Node.Scalar) -> Bool {
        scalar.style == .plain || scalar.style == .any
    }

    private static func problem(_ mark: TextMark?, _ message: String) -> ScenarioProblem {
        ScenarioProblem(mark, path: "", message)
    }

    private static func problem(of error: YamlError) -> ScenarioProblem {
        switch error {
        case .scanner(let context, let text, let mark, _), .parser(let context, let text, let mark, _),
            .composer(let context, let text, let mark, _):
            let before = context.map { "\($0.text), " } ?? ""
            return problem(TextMark(line: mark.line, column: mark.column), "not YAML: \(before)\(text)")
        case .duplicatedKeysInMapping(let keys, let context):
            let mark = TextMark(line: context.mark.line, column: context.mark.column)
            return problem(mark, "the key \(keys.joined(separator: ", ")) is given more than once")
        case .reader(let text, _, _, _): return problem(nil, "not YAML: \(text)")
        default: return problem(nil, "not YAML: \(error)")
        }
    }
}

/// What a word of YAML means, by the core schema of YAML 1.2, which is JSON's: `yes` is a word, not a
/// truth, and `0777` is a number of three digits.
package enum ScalarText {
    package static func content(_ text: String, isPlain: Bool) -> DocumentNode.Content {
        guard isPlain else { return .text(text) }
        switch text {
        case "", "~", "null": return .null
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        default: break
        }
        guard let first = text.utf8.first, "+-.0123456789".utf8.contains(first) else { return .text(text) }
        if text.utf8.allSatisfy({ "+-0123456789".utf8.contains($0) }), let value = Int64(text) {
            return .integer(value)
        }
        if text.utf8.allSatisfy({ "+-.eE0123456789".utf8.contains($0) }), let value = Double(text),
            value.isFinite
        {
            return .number(value)
        }
        return .text(text)
    }

    /// The truth or whole number that a text is the spelling of; else the text.
    package static func plain(_ text: String) -> DocumentNode.Content {
        switch content(text, isPlain: true) {
        case .boolean(let value): .boolean(value)
        case .integer(let value) where "\(value)" == text: .integer(value)
        default: .text(text)
        }
    }
}
