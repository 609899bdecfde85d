/// How the kernel reads and prints the values of attributes.
enum AttributeText {
    /// `kstrtou8`, `kstrtou16`: base from the prefix, one trailing newline allowed.
    ///
    /// - Throws: EINVAL for anything that is no number, ERANGE for one that does not fit.
    static func unsigned<Integer: FixedWidthInteger & UnsignedInteger>(
        _ text: String, as type: Integer.Type = Integer.self
    ) throws(Errno) -> Integer {
        var digits = Substring(text)
        if digits.hasSuffix("\n") { digits.removeLast() }
        if digits.hasPrefix("+") { digits.removeFirst() }
        var radix = 10
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
            radix = 16
            digits.removeFirst(2)
        } else if digits.hasPrefix("0") && digits.count > 1 {
            radix = 8
        }
        guard !digits.isEmpty,
            digits.allSatisfy({ $0.isASCII && $0.hexDigitValue.map { $0 < radix } ?? false })
        else { throw .invalid }
        guard let value = Integer(digits, radix: radix) else { throw .range }
        return value
    }

    /// `kstrtobool`: the first character decides, of "on" and "off" the second.
    static func boolean(_ text: String) throws(Errno) -> Bool {
        let characters = Array(text.utf8.prefix(2)).map { $0 | 0x20 }
        switch characters.first.map({ Character(UnicodeScalar($0)) }) {
        case "y", "t": return true
        case "n", "f": return false
        case "1" where text.utf8.first == UInt8(ascii: "1"): return true
        case "0" where text.utf8.first == UInt8(ascii: "0"): return false
        case "o":
            switch characters.dropFirst().first.map({ Character(UnicodeScalar($0)) }) {
            case "n": return true
            case "f": return false
            default: throw .invalid
            }
        default: throw .invalid
        }
    }

    static func show(_ flag: Bool) -> String { flag ? "1" : "0" }

    /// "0x0409", as the USB identifiers print.
    static func hexadecimal(_ value: some FixedWidthInteger, digits: Int) -> String {
        let text = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    static func withoutNewline(_ text: String) -> String {
        text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    /// A directory name under `strings`: a language identifier that USB knows.
    ///
    /// - Throws: EINVAL, ERANGE as for numbers; EINVAL for reserved primary or no sublanguage.
    static func languageIdentifier(_ name: String) throws(Errno) -> UInt16 {
        let number: UInt16 = try unsigned(name)
        let primary = number & 0x3FF
        switch primary {
        case 0, 0x62...0xFE, 0x100...0x3FF: throw .invalid
        default: break
        }
        guard number >> 10 != 0 else { throw .invalid }
        return number
    }
}
