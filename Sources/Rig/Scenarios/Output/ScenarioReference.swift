/// The reference page's tables, made of the same tables as everything else.
package enum ScenarioReference {
    /// Between these lines of docs/scenarios.md.
    package static let begin = "<!-- fields: made by the program, see `mediarig scenario reference` -->"
    package static let end = "<!-- end of fields -->"

    package static var markdown: String {
        ScenarioFields.records.map(section).joined(separator: "\n")
    }

    private static func section(_ record: RecordShape) -> String {
        var lines = ["### \(record.name)", "", record.meaning, ""]
        if record.isChoice {
            lines += ["| key | value | meaning |", "|---|---|---|"]
            lines += record.fields.map { "| `\($0.key)` | \($0.shape.markdown) | \($0.meaning) |" }
        } else {
            lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
            lines += record.fields.map { field in
                "| `\(field.key)` | \(field.shape.markdown) | \(fallback(of: field)) | \(field.meaning) |"
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func fallback(of field: FieldShape) -> String {
        if field.isRequired { return "required" }
        guard let node = field.fallback else { return "" }
        switch node.content {
        case .null: return ""
        case .text(let text): return text.isEmpty ? "" : "`\(text)`"
        case .list(let elements):
            return elements.isEmpty
                ? "none" : elements.map { "`\($0.text ?? JSONWriter.line(of: $0))`" }.joined(separator: ", ")
        case .map(let entries): return entries.isEmpty ? "" : "`\(JSONWriter.line(of: node))`"
        default: return "`\(JSONWriter.line(of: node))`"
        }
    }
}

extension Shape {
    /// For a cell of a table.
    fileprivate var markdown: String {
        switch self {
        case .text(let words, _): words
        case .boolean: "`true`, `false`"
        case .choice(let words) where words.count > 24: "one word of many"
        case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        case .list(let element, _): "list of \(element.markdown)"
        case .map(let keys, let values): "map: \(keys.markdown) → \(values.markdown)"
        case .record(let name):
            "[\(name)](#\(name.map { $0 == " " ? "-" : String($0) }.joined()))"
        case .either(let shapes):
            shapes.map(\.markdown).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
                .joined(separator: ", or ")
        case .integer, .number, .anything: words
        }
    }
}
