/// Writes nodes as YAML that ``YAMLReader`` reads back equal: block style, with short maps and lists
/// in one line.
package enum YAMLWriter {
    private static let width = 110

    package static func text(of node: DocumentNode) -> String {
        guard let entries = node.entries, !entries.isEmpty else { return flow(node) + "\n" }
        return block(entries, indent: 0).map { $0 + "\n" }.joined()
    }

    private static func block(_ entries: [DocumentNode.Entry], indent: Int) -> [String] {
        entries.flatMap { block($0, indent: indent) }
    }

    private static func block(_ entry: DocumentNode.Entry, indent: Int) -> [String] {
        let start = space(indent) + scalar(.text(entry.key)) + ":"
        if isInline(entry.value, after: start.count + 1) { return ["\(start) \(flow(entry.value))"] }
        switch entry.value.content {
        case .map(let entries): return [start] + block(entries, indent: indent + 1)
        case .list(let elements): return [start] + elements.flatMap { item($0, indent: indent + 1) }
        default: return ["\(start) \(flow(entry.value))"]
        }
    }

    private static func item(_ node: DocumentNode, indent: Int) -> [String] {
        let start = space(indent) + "- "
        if isInlineItem(node, after: start.count) { return [start + flow(node)] }
        // The first line of what is below goes beside the hyphen.
        var lines: [String]
        switch node.content {
        case .map(let entries): lines = block(entries, indent: indent + 1)
        case .list(let elements): lines = elements.flatMap { item($0, indent: indent + 1) }
        default: return [start + flow(node)]
        }
        lines[0] = start + lines[0].dropFirst(start.count)
        return lines
    }

    private static func space(_ indent: Int) -> String { String(repeating: "  ", count: indent) }

    private static func isInline(_ node: DocumentNode, after column: Int) -> Bool {
        switch node.content {
        case .map(let entries) where !entries.isEmpty:
            entries.allSatisfy { isScalar($0.value) } && column + flow(node).count <= width
        case .list(let elements) where !elements.isEmpty:
            elements.allSatisfy(isScalar) && column + flow(node).count <= width
        default: true
        }
    }

    /// Items are short things in great numbers, so a little more goes in one line; a map of one key reads
    /// better without braces.
    private static func isInlineItem(_ node: DocumentNode, after column: Int) -> Bool {
        guard let entries = node.entries, !entries.isEmpty else { return isInline(node, after: column) }
        return entries.count > 1 && column + flow(node).count <= width
            && entries.allSatisfy { isInline($0.value, after: 0) }
    }

    private static func isScalar(_ node: DocumentNode) -> Bool {
        switch node.content {
        case .map(let entries): entries.isEmpty
        case .list(let elements): elements.isEmpty
        default: true
        }
    }

    private static func flow(_ node: DocumentNode) -> String {
        switch node.content {
        case .list(let elements): "[\(elements.map(flow).joined(separator: ", "))]"
        case .map(let entries):
            "{\(entries.map { "\(scalar(.text($0.key))): \(flow($0.value))" }.joined(separator: ", "))}"
        default: scalar(node.content)
        }
    }

    private static func scalar(_ content: DocumentNode.Content) -> String {
        switch content {
        case .text(let text): isPlain(text) ? text : JSONWriter.quoted(text)
        default: JSONWriter.line(of: DocumentNode(content))
        }
    }

    /// Whether the text without quotes is read as that text, wherever it stands.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, text.last != " ", text.last != ":" else { return false }
        guard ScalarText.content(text, isPlain: true) == .text(text) else { return false }
        let isSafe = text.unicodeScalars.allSatisfy {
            $0.value >= 0x20 && $0.value < 0x7F && !"[]{},#\"'`&*!|>%@\\".unicodeScalars.contains($0)
        }
        return isSafe && !"-?: ".unicodeScalars.contains(first) && !text.contains(": ")
    }
}
