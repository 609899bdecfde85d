/// A JSON value (RFC 8259) that knows where it stands in its text, so that a mistake in its meaning
/// can be shown where it is.
package struct JSONNode: Equatable, Sendable {
    package indirect enum Value: Equatable, Sendable {
        case null
        case boolean(Bool)
        /// As written: JSON has no integers, and a rounded number helps nobody.
        case number(String)
        case string(String)
        case array([JSONNode])
        /// In the order written; a key may be there twice.
        case object([Member])
    }

    package struct Member: Equatable, Sendable {
        package var key: String
        package var position: TextPosition
        package var node: JSONNode
    }

    package var value: Value
    package var position: TextPosition

    /// "an object", "the number 7", for messages.
    package var kind: String {
        switch value {
        case .null: "null"
        case .boolean(let flag): "\(flag)"
        case .number(let text): "the number \(text.prefix(32))"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// Counted from 1, columns in bytes.
package struct TextPosition: Equatable, Sendable, CustomStringConvertible {
    package var line: Int
    package var column: Int
    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
    package var description: String { "line \(line), column \(column)" }
}

/// The text is not JSON.
package struct JSONSyntaxError: Error, Equatable, Sendable {
    package let position: TextPosition
    /// "found } where a value is expected"
    package let message: String
}
