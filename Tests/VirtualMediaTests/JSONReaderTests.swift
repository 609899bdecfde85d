import TestSupport
import Testing

@testable import VirtualMedia

struct JSONReaderTests {
    static func read(_ text: String) throws -> JSONNode.Value { try JSONReader.read(Array(text.utf8)).value }

    static let errors: [(String, Int, Int, String)] = [
        ("", 1, 1, "found the end of the text where a value is expected"),
        ("{\n  \"a\": }", 2, 8, "found '}' where a value is expected"),
        ("{\"a\" 1}", 1, 6, "where ':' is expected"),
        ("{\"a\": 1,}", 1, 9, "where a key in quotes is expected"),
        ("{\"a\": 1", 1, 8, "where ',' or '}' is expected"),
        ("[1 2]", 1, 4, "where ',' or ']' is expected"),
        ("{} x", 1, 4, "where the end of the text is expected"),
        ("\"abc", 1, 1, "a string has no closing quote"),
        ("\"a\nb\"", 1, 1, "a string has no closing quote"),
        ("\"\\q\"", 1, 3, "where one of"),
        ("\"\\u12g4\"", 1, 6, "hexadecimal digit"),
        ("\"\\ud800\"", 1, 8, "surrogate"),
        ("\"\\ud800\\u0041\"", 1, 14, "surrogate"),
        ("\"\\udc00\"", 1, 8, "surrogate"),
        ("01", 1, 1, "does not begin with a zero"),
        ("-", 1, 2, "where a value is expected"),
        ("1.", 1, 3, "where a digit is expected"),
        ("1e", 1, 3, "where a digit is expected"),
        ("tru", 1, 1, "where a value is expected"),
        ("'a'", 1, 1, "found '''"),
        ("{\"a\": 1 /* no */}", 1, 9, "found '/'"),
        (String(repeating: "[", count: 40), 1, 33, "nested more than 32"),
    ]

    @Test(arguments: errors.indices)
    func `a syntax error has its line and column`(index: Int) {
        let (text, line, column, message) = Self.errors[index]
        do {
            _ = try JSONReader.read(Array(text.utf8))
            Issue.record("read without error")
        } catch {
            #expect(error.position == TextPosition(line: line, column: column))
            #expect(error.message.contains(message), "\(error.message)")
        }
    }

    @Test func `values of every kind are read`() throws {
        #expect(try Self.read(" null ") == .null)
        #expect(try Self.read("true") == .boolean(true))
        #expect(try Self.read("-0.5e+10") == .number("-0.5e+10"))
        #expect(try Self.read("0") == .number("0"))
        #expect(try Self.read("[ ]") == .array([]))
        #expect(try Self.read("{ }") == .object([]))
        #expect(
            try Self.read("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00ü\"")
                == .string("\"\\/\u{8}\u{C}\n\r\té😀ü"))
        #expect(try Self.read("\u{FEFF}1") == .number("1"))
    }

    @Test func `text that is not UTF-8 is refused`() {
        #expect(throws: JSONSyntaxError.self) { try JSONReader.read([0x22, 0xFF, 0x22]) }
    }

    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `damaged text never traps`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var text = Array(ConfigurationTests.shipped.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let index = Int.random(in: 0..<text.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: text[index] = UInt8.random(in: 0...255, using: &random)
            case 1: text.remove(at: index)
            default: text.removeLast(text.count - index - (index == 0 ? 1 : 0))
            }
            if text.isEmpty { text = [0x7B] }
        }
        let result = ConfigurationReader.read(text, file: "f")
        #expect(result.configuration != nil || !result.issues.isEmpty)
    }
}
