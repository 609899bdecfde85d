/// A value of a document, YAML or JSON, and where it stands.
///
/// Two are equal when they say the same, wherever they stand and in whatever order their keys come.
package struct DocumentNode: Sendable {
    package indirect enum Content: Equatable, Sendable {
        case null
        case boolean(Bool)
        case integer(Int64)
        case number(Double)
        case text(String)
        case list([DocumentNode])
        /// In the order of the document.
        case map([Entry])
    }

    package struct Entry: Sendable {
        package var key: String
        package var keyMark: TextMark?
        package var value: DocumentNode

        package init(_ key: String, _ value: DocumentNode, keyMark: TextMark? = nil) {
            self.key = key
            self.value = value
            self.keyMark = keyMark
        }
    }

    package var content: Content
    /// `nil` for what was made by a program.
    package var mark: TextMark?

    package init(_ content: Content, mark: TextMark? = nil) {
        self.content = content
        self.mark = mark
    }

    package static let null = DocumentNode(.null)
    package static func boolean(_ value: Bool) -> Self { Self(.boolean(value)) }
    package static func integer(_ value: Int64) -> Self { Self(.integer(value)) }
    package static func number(_ value: Double) -> Self { Self(.number(value)) }
    package static func text(_ value: String) -> Self { Self(.text(value)) }
    package static func list(_ values: [DocumentNode]) -> Self { Self(.list(values)) }
    package static func map(_ entries: [Entry]) -> Self { Self(.map(entries)) }
}

/// Line and column, both from 1; a column is a Unicode scalar.
package struct TextMark: Equatable, Sendable, Comparable {
    package var line: Int
    package var column: Int
    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
    package static func < (left: TextMark, right: TextMark) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

extension DocumentNode: Equatable {
    package static func == (left: DocumentNode, right: DocumentNode) -> Bool {
        guard let (left, right) = left.entries.flatMap({ left in right.entries.map { (left, $0) } }) else {
            return left.content == right.content
        }
        return left.count == right.count
            && left.sorted { $0.key < $1.key } == right.sorted { $0.key < $1.key }
    }
}

extension DocumentNode.Entry: Equatable {
    package static func == (left: Self, right: Self) -> Bool {
        left.key == right.key && left.value == right.value
    }
}

extension DocumentNode {
    package var entries: [Entry]? { if case .map(let entries) = content { entries } else { nil } }
    package var elements: [DocumentNode]? { if case .list(let elements) = content { elements } else { nil } }
    package var text: String? { if case .text(let text) = content { text } else { nil } }

    package subscript(key: String) -> DocumentNode? { entries?.first { $0.key == key }?.value }

    /// In few words, for a complaint: "the number 7", "a list of 3".
    package var words: String {
        switch content {
        case .null: "nothing"
        case .boolean(let value): "\(value)"
        case .integer(let value): "the number \(value)"
        case .number(let value): "the number \(value)"
        case .text(let text): "\"\(text.prefix(60))\(text.count > 60 ? "…" : "")\""
        case .list(let elements): elements.isEmpty ? "an empty list" : "a list of \(elements.count)"
        case .map(let entries):
            entries.isEmpty ? "an empty map" : "a map with \(entries[0].key)\(entries.count > 1 ? ", …" : "")"
        }
    }
}

/// JSON, with keys in the order of the encoder.
extension DocumentNode: Codable {
    private struct Key: CodingKey {
        let stringValue: String
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.init(stringValue) }
        var intValue: Int? { nil }
        init?(intValue: Int) { return nil }
    }

    package init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: Key.self) {
            let keys = container.allKeys.sorted { $0.stringValue < $1.stringValue }
            self = .map(
                try keys.map {
                    Entry($0.stringValue, try container.decode(DocumentNode.self, forKey: $0))
                })
        } else if var container = try? decoder.unkeyedContainer() {
            var elements: [DocumentNode] = []
            while !container.isAtEnd { elements.append(try container.decode(DocumentNode.self)) }
            self = .list(elements)
        } else {
            self = try Self.scalar(decoder.singleValueContainer())
        }
    }

    private static func scalar(_ container: any SingleValueDecodingContainer) throws -> DocumentNode {
        if container.decodeNil() { return .null }
        if let value = try? container.decode(Bool.self) { return .boolean(value) }
        if let value = try? container.decode(Int64.self) { return .integer(value) }
        if let value = try? container.decode(Double.self) { return .number(value) }
        return .text(try container.decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        switch content {
        case .map(let entries):
            var container = encoder.container(keyedBy: Key.self)
            for entry in entries { try container.encode(entry.value, forKey: Key(entry.key)) }
        case .list(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        default:
            var container = encoder.singleValueContainer()
            switch content {
            case .boolean(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            case .number(let value): try container.encode(value)
            case .text(let value): try container.encode(value)
            default: try container.encodeNil()
            }
        }
    }
}
