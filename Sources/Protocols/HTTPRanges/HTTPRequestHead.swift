/// The head of an HTTP/1.1 request (RFC 9112 §3, §5).
package struct HTTPRequestHead: Equatable, Sendable {
    /// A longer head is refused with 431.
    package static let maximumBytes = 16_384

    package let method: String
    /// As sent: path and query.
    package let target: String
    package let isVersion10: Bool
    private let fields: [Field]

    private struct Field: Equatable {
        let name: String
        let value: String
    }

    package enum Parsing: Equatable, Sendable {
        case incomplete
        case complete(HTTPRequestHead, byteCount: Int)
        /// The status to answer with before hanging up.
        case refused(status: Int)
    }

    /// Looks for a whole head at the start of `bytes`, which may hold more behind it.
    package static func parse(_ bytes: ArraySlice<UInt8>) -> Parsing {
        guard let end = endOfHead(bytes) else {
            return bytes.count >= maximumBytes ? .refused(status: 431) : .incomplete
        }
        guard end - bytes.startIndex <= maximumBytes else { return .refused(status: 431) }
        guard let head = HTTPRequestHead(bytes[..<end]) else { return .refused(status: 400) }
        return .complete(head, byteCount: end - bytes.startIndex)
    }

    /// - Returns: the index after the empty line.
    private static func endOfHead(_ bytes: ArraySlice<UInt8>) -> Int? {
        var index = bytes.startIndex
        while let lineFeed = bytes[index...].firstIndex(of: 10) {
            let next = lineFeed + 1
            if next < bytes.endIndex, bytes[next] == 10 { return next + 1 }
            if next + 1 < bytes.endIndex, bytes[next] == 13, bytes[next + 1] == 10 { return next + 2 }
            index = next
        }
        return nil
    }

    private init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.allSatisfy({ $0 == 9 || $0 == 10 || $0 == 13 || (0x20...0x7E).contains($0) }) else {
            return nil
        }
        var lines = String(decoding: bytes, as: UTF8.self).split(omittingEmptySubsequences: true) {
            $0.isNewline
        }
        guard !lines.isEmpty else { return nil }
        let parts = lines.removeFirst().split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].hasPrefix("/"), parts[2] == "HTTP/1.1" || parts[2] == "HTTP/1.0"
        else { return nil }
        method = String(parts[0])
        target = String(parts[1])
        isVersion10 = parts[2] == "HTTP/1.0"
        var fields: [Field] = []
        for line in lines {
            // A name ends directly before its colon; folded lines are obsolete (RFC 9112 §5.1, §5.2).
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex,
                !line[..<colon].contains(where: \.isWhitespace)
            else { return nil }
            let value = line[line.index(after: colon)...].drop(while: \.isWhitespace)
            let last = value.lastIndex { !$0.isWhitespace }
            fields.append(
                Field(name: line[..<colon].lowercased(), value: last.map { String(value[...$0]) } ?? ""))
        }
        self.fields = fields
    }

    /// The field's only value; `nil` when it is absent or ambiguous.
    package func value(_ name: String) -> String? {
        let found = fields.filter { $0.name == name }
        return found.count == 1 ? found[0].value : nil
    }

    package func has(_ name: String) -> Bool { fields.contains { $0.name == name } }

    /// The target without its query and with %xx decoded; `nil` when that is no text.
    package var path: String? {
        var bytes: [UInt8] = []
        var rest = target.prefix { $0 != "?" }.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let digits = String(rest.prefix(2)), digits.count == 2, digits.allSatisfy(\.isHexDigit),
                let value = UInt8(digits, radix: 16)
            else { return nil }
            bytes.append(value)
            rest.removeFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Whether the connection may carry another request (RFC 9112 §9.3).
    package var keepsAlive: Bool {
        let tokens = (value("connection") ?? "").lowercased()
        return isVersion10 ? tokens.contains("keep-alive") : !tokens.contains("close")
    }
}
