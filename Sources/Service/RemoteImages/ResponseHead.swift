/// Status and fields of one HTTP response, gathered line by line.
package struct ResponseHead: Equatable, Sendable {
    /// A head that grows past this is refused.
    package static let maximumBytes = 65_536

    package private(set) var status = 0
    package private(set) var isComplete = false
    package private(set) var byteCount = 0
    private var fields: [Field] = []

    private struct Field: Equatable {
        /// Lower case.
        let name: String
        let value: String
    }

    package init() {}

    package enum Progress: Equatable { case wantsMore, complete, tooLong, malformed }

    /// Takes one line, with or without its end. A status line starts afresh, because informational
    /// responses (1xx, RFC 9110 §15.2) come before the one that counts.
    package mutating func append(_ line: [UInt8]) -> Progress {
        if line.starts(with: "HTTP/".utf8) { return start(line) }
        byteCount += line.count
        guard byteCount <= Self.maximumBytes else { return .tooLong }
        let text = Self.trimmed(line[...])
        guard !text.isEmpty else {
            isComplete = status >= 200
            return isComplete ? .complete : .wantsMore
        }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return .malformed }
        fields.append(
            Field(
                name: String(decoding: text[..<colon], as: UTF8.self).lowercased(),
                value: String(decoding: Self.trimmed(text[(colon + 1)...]), as: UTF8.self)))
        return .wantsMore
    }

    private mutating func start(_ line: [UInt8]) -> Progress {
        let total = byteCount + line.count
        self = ResponseHead()
        byteCount = total
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard parts.count >= 2, let number = Int(String(decoding: Self.trimmed(parts[1]), as: UTF8.self)),
            (100...999).contains(number)
        else { return .malformed }
        status = number
        return .wantsMore
    }

    /// The field's value; several of one name are joined by ", " (RFC 9110 §5.3), which no parser of
    /// a single value takes for one.
    package func value(_ name: String) -> String? {
        let values = fields.filter { $0.name == name }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// `nil` when absent or no number.
    package var contentLength: UInt64? { value("content-length").flatMap(decimal) }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        let tail = line.drop(while: isBlank)
        guard let last = tail.lastIndex(where: { !isBlank($0) }) else { return [] }
        return tail[...last]
    }
}

/// Digits only: `UInt64("+5")` would pass too.
func decimal(_ text: some StringProtocol) -> UInt64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt64(text)
}

/// `bytes first-last/complete` or `bytes */complete` (RFC 9110 §14.4).
package struct ContentRange: Equatable, Sendable {
    /// `nil` in a 416.
    package let range: Range<UInt64>?
    /// `nil` when the server does not know (`*`).
    package let completeBytes: UInt64?

    package init?(_ text: String) {
        guard text.lowercased().hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        if parts[1] == "*" {
            completeBytes = nil
        } else {
            guard let complete = decimal(parts[1]) else { return nil }
            completeBytes = complete
        }
        if parts[0] == "*" {
            guard completeBytes != nil else { return nil }
            range = nil
            return
        }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = decimal(ends[0]), let last = decimal(ends[1]), first <= last,
            last < UInt64.max, completeBytes.map({ last < $0 }) ?? true
        else { return nil }
        range = first..<(last + 1)
    }
}
