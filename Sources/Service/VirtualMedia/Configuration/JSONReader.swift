/// Reads JSON text (RFC 8259) into nodes with positions.
package struct JSONReader {
    /// Deeper nesting is refused: a configuration needs four levels.
    package static let maximumDepth = 32

    private let text: [UInt8]
    private var index = 0
    private var line = 1
    private var lineStart = 0

    private init(_ text: [UInt8]) { self.text = text }

    package static func read(_ text: [UInt8]) throws(JSONSyntaxError) -> JSONNode {
        var reader = JSONReader(text)
        // A byte order mark is no JSON, but editors write it.
        if text.starts(with: [0xEF, 0xBB, 0xBF]) {
            reader.index = 3
            reader.lineStart = 3
        }
        let node = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.peek == nil else { throw reader.unexpected("the end of the text") }
        return node
    }

    private var peek: UInt8? { index < text.count ? text[index] : nil }
    private var position: TextPosition { TextPosition(line: line, column: index - lineStart + 1) }

    private func unexpected(_ wanted: String) -> JSONSyntaxError {
        let found: String
        switch peek {
        case nil: found = "the end of the text"
        case let byte? where (0x21...0x7E).contains(byte): found = "'\(Character(UnicodeScalar(byte)))'"
        case let byte?: found = "byte 0x\(String(byte, radix: 16))"
        }
        return JSONSyntaxError(position: position, message: "found \(found) where \(wanted) is expected")
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
            index += 1
            if byte == 0x0A {
                line += 1
                lineStart = index
            }
        }
    }

    private mutating func take(_ byte: UInt8, _ wanted: String) throws(JSONSyntaxError) {
        skipSpace()
        guard peek == byte else { throw unexpected(wanted) }
        index += 1
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONNode {
        skipSpace()
        let start = position
        guard depth < Self.maximumDepth else {
            throw JSONSyntaxError(
                position: start, message: "nested more than \(Self.maximumDepth) levels deep")
        }
        let value: JSONNode.Value =
            switch peek {
            case UInt8(ascii: "{"): try object(depth: depth)
            case UInt8(ascii: "["): try array(depth: depth)
            case UInt8(ascii: "\""): .string(try string())
            case UInt8(ascii: "t"): try word("true", .boolean(true))
            case UInt8(ascii: "f"): try word("false", .boolean(false))
            case UInt8(ascii: "n"): try word("null", .null)
            default: .number(try number())
            }
        return JSONNode(value: value, position: start)
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONNode.Value {
        index += 1
        var members: [JSONNode.Member] = []
        skipSpace()
        if peek == UInt8(ascii: "}") {
            index += 1
            return .object([])
        }
        while true {
            skipSpace()
            let start = position
            guard peek == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
            let key = try string()
            try take(UInt8(ascii: ":"), "':'")
            members.append(.init(key: key, position: start, node: try value(depth: depth + 1)))
            skipSpace()
            if peek == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try take(UInt8(ascii: "}"), "',' or '}'")
            return .object(members)
        }
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONNode.Value {
        index += 1
        var elements: [JSONNode] = []
        skipSpace()
        if peek == UInt8(ascii: "]") {
            index += 1
            return .array([])
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if peek == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try take(UInt8(ascii: "]"), "',' or ']'")
            return .array(elements)
        }
    }

    private mutating func word(_ word: String, _ value: JSONNode.Value) throws(JSONSyntaxError)
        -> JSONNode.Value
    {
        guard text[index...].starts(with: word.utf8) else { throw unexpected("a value") }
        index += word.utf8.count
        return value
    }

    /// `-? int frac? exp?`, with no leading zeroes.
    private mutating func number() throws(JSONSyntaxError) -> String {
        let start = index
        if peek == UInt8(ascii: "-") { index += 1 }
        let first = peek
        guard takeDigits() else { throw unexpected("a value") }
        if first == UInt8(ascii: "0"), text[start..<index].filter({ $0 != UInt8(ascii: "-") }).count > 1 {
            index = start
            throw JSONSyntaxError(position: position, message: "a number does not begin with a zero")
        }
        if peek == UInt8(ascii: ".") {
            index += 1
            guard takeDigits() else { throw unexpected("a digit") }
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            index += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { index += 1 }
            guard takeDigits() else { throw unexpected("a digit") }
        }
        return String(decoding: text[start..<index], as: UTF8.self)
    }

    private mutating func takeDigits() -> Bool {
        let start = index
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
        return index > start
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        let start = position
        index += 1
        var bytes: [UInt8] = []
        while true {
            guard let byte = peek, byte != 0x0A else {
                throw JSONSyntaxError(position: start, message: "a string has no closing quote")
            }
            guard byte >= 0x20 else { throw unexpected("a printable character, or \\t and the like,") }
            index += 1
            if byte == UInt8(ascii: "\"") { break }
            if byte == UInt8(ascii: "\\") {
                bytes += Array(String(try escape()).utf8)
            } else {
                bytes.append(byte)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw JSONSyntaxError(position: start, message: "a string is not UTF-8")
        }
        return text
    }

    private mutating func escape() throws(JSONSyntaxError) -> Character {
        let simple: [UInt8: Character] = [
            0x22: "\"", 0x5C: "\\", 0x2F: "/", 0x62: "\u{8}", 0x66: "\u{C}", 0x6E: "\n", 0x72: "\r",
            0x74: "\t",
        ]
        if let byte = peek, let character = simple[byte] {
            index += 1
            return character
        }
        guard peek == UInt8(ascii: "u") else { throw unexpected("one of \" \\ / b f n r t u") }
        let high = try hexadecimal()
        if let scalar = UnicodeScalar(high) { return Character(scalar) }
        // A character above U+FFFF is written as two halves.
        guard (0xD800..<0xDC00).contains(high), peek == UInt8(ascii: "\\") else {
            throw unexpected("the second half of a surrogate pair")
        }
        index += 1
        guard peek == UInt8(ascii: "u") else { throw unexpected("the second half of a surrogate pair") }
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low),
            let scalar = UnicodeScalar(0x10000 + (UInt32(high) - 0xD800) << 10 + UInt32(low) - 0xDC00)
        else { throw unexpected("the second half of a surrogate pair") }
        return Character(scalar)
    }

    private mutating func hexadecimal() throws(JSONSyntaxError) -> UInt16 {
        index += 1
        var number: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
                throw unexpected("a hexadecimal digit")
            }
            number = number << 4 | UInt16(digit)
            index += 1
        }
        return number
    }
}
