/// Bytes as hexadecimal text, and back.
package enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Two lower-case digits per byte, no separators.
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: `nil` unless `text` is an even number of hexadecimal digits of either case.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 2)
        for index in stride(from: 0, to: characters.count, by: 2) {
            guard let high = value(characters[index]), let low = value(characters[index + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// Sixteen bytes a line: offset, hexadecimal, printable ASCII. At most `limit` bytes are shown.
    package static func dump(_ bytes: Bytes, limit: Int = 256) -> String {
        let shown = bytes.prefix(limit)
        var lines: [String] = []
        for start in stride(from: shown.startIndex, to: shown.endIndex, by: 16) {
            let row = shown[start..<Swift.min(start + 16, shown.endIndex)]
            let offset = String(start - shown.startIndex, radix: 16)
            let padded = String(repeating: "0", count: Swift.max(0, 8 - offset.count)) + offset
            let hex = row.map { text(CollectionOfOne($0)) }.joined(separator: " ")
            let gap = String(repeating: " ", count: (16 - row.count) * 3)
            let ascii = row.map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
            lines.append("\(padded)  \(hex)\(gap)  |\(ascii)|")
        }
        if bytes.count > limit { lines.append("… \(bytes.count - limit) more bytes") }
        return lines.joined(separator: "\n")
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
