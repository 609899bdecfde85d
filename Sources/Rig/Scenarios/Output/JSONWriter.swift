/// Writes nodes as JSON, with keys in the order of the node.
package enum JSONWriter {
    /// Indented by two spaces, with a line feed at the end.
    package static func text(of node: DocumentNode) -> String {
        var text = ""
        write(node, indent: 0, to: &text)
        return text + "\n"
    }

    /// In one line.
    package static func line(of node: DocumentNode) -> String {
        switch node.content {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .text(let text): quoted(text)
        case .list(let elements): "[\(elements.map(line).joined(separator: ", "))]"
        case .map(let entries):
            "{\(entries.map { "\(quoted($0.key)): \(line(of: $0.value))" }.joined(separator: ", "))}"
        }
    }

    package static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\r": quoted += "\\r"
            case _
            where scalar.value < 0x20 || scalar.value == 0x7F || scalar.value == 0x85
                || scalar.value == 0x2028 || scalar.value == 0x2029 || scalar.value == 0xFEFF:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private static func write(_ node: DocumentNode, indent: Int, to text: inout String) {
        let space = String(repeating: "  ", count: indent + 1)
        let end = String(repeating: "  ", count: indent)
        switch node.content {
        case .list(let elements) where !elements.isEmpty && !isShort(node):
            text += "[\n"
            for (index, element) in elements.enumerated() {
                text += space
                write(element, indent: indent + 1, to: &text)
                text += index < elements.count - 1 ? ",\n" : "\n"
            }
            text += "\(end)]"
        case .map(let entries) where !entries.isEmpty:
            text += "{\n"
            for (index, entry) in entries.enumerated() {
                text += "\(space)\(quoted(entry.key)): "
                write(entry.value, indent: indent + 1, to: &text)
                text += index < entries.count - 1 ? ",\n" : "\n"
            }
            text += "\(end)}"
        default: text += line(of: node)
        }
    }

    private static func isShort(_ node: DocumentNode) -> Bool {
        guard let elements = node.elements else { return false }
        return elements.allSatisfy { $0.elements == nil && $0.entries == nil } && line(of: node).count <= 80
    }
}
