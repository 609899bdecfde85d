/// What may stand at a place of a document, for complaints, the editor's schema and the reference page.
package indirect enum Shape: Equatable, Sendable {
    /// Text; the pattern is a regular expression of ECMA 262 for all of it.
    case text(words: String, pattern: String?)
    case integer(ClosedRange<Int64>)
    case number(ClosedRange<Double>)
    case boolean
    /// One of these words.
    case choice([String])
    case list(Shape, ClosedRange<Int>)
    /// Any keys of that shape, each with a value.
    case map(keys: Shape, values: Shape)
    /// A map with the fields of this name in ``ScenarioFields/records``.
    case record(String)
    case either([Shape])
    /// Any value: what it must be is decided elsewhere.
    case anything

    /// "a duration such as 1.5s", "one of fifo, random".
    package var words: String {
        switch self {
        case .text(let words, _): words
        case .integer(let range): "a whole number \(Self.span(range.lowerBound, range.upperBound))"
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .boolean: "true or false"
        case .choice(let words): words.count == 1 ? words[0] : "one of \(words.joined(separator: ", "))"
        case .list(let element, _): "a list of \(element.words)"
        case .map(_, let values): "a map to \(values.words)"
        case .record(let name): "a map (\(name))"
        case .either(let shapes): shapes.map(\.words).joined(separator: ", or ")
        case .anything: "any value"
        }
    }

    private static func span(_ first: Int64, _ last: Int64) -> String {
        last == .max ? "from \(first)" : "from \(first) to \(last)"
    }
}

/// A key of a record.
package struct FieldShape: Equatable, Sendable {
    package var key: String
    package var shape: Shape
    package var isRequired: Bool
    /// What it is without the key; `nil` where there is no value that says so.
    package var fallback: DocumentNode?
    package var meaning: String
}

/// A map with keys of its own.
package struct RecordShape: Equatable, Sendable {
    package var name: String
    package var meaning: String
    package var fields: [FieldShape]
    /// Exactly one of the keys must be there, and says which kind of thing it is.
    package var isChoice: Bool
}
