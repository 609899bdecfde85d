/// The path and the query of a request, decoded.
struct RequestTarget: Equatable {
    /// Without the empty one that a slash at the end makes.
    var segments: [String]
    var query: [Parameter]
    /// As it was sent, without the query.
    var path: String

    struct Parameter: Equatable {
        let name: String
        let value: String
        let hasValue: Bool
    }

    /// - Throws: 414 for what is too long, 400 for what cannot be decoded.
    init(_ text: String) throws(Refusal) {
        guard text.utf8.count <= RedfishLimits.targetBytes else {
            throw Refusal(.invalidURI, text, status: 414)
        }
        guard text.utf8.first == UInt8(ascii: "/") else { throw Refusal(.invalidURI, text, status: 400) }
        // A fragment is the client's own business; one that is sent all the same is cut off.
        let whole = text.prefix { $0 != "#" }
        let parts = whole.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        var segments = try path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            .map { segment throws(Refusal) in try Self.decoded(segment) }
        if segments.last == "" { segments.removeLast() }
        guard !segments.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." || $0.contains("/") }) else {
            throw Refusal(.invalidURI, text)
        }
        self.segments = segments
        query = []
        guard parts.count == 2 else { return }
        for pair in parts[1].split(separator: "&") {
            guard query.count < RedfishLimits.queryParameters else {
                throw Refusal(.queryCombinationInvalid)
            }
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query.append(
                Parameter(
                    name: try Self.decoded(sides[0]),
                    value: sides.count == 2 ? try Self.decoded(sides[1]) : "",
                    hasValue: sides.count == 2))
        }
    }

    private static func decoded(_ text: Substring) throws(Refusal) -> String {
        // Hardly any text is encoded.
        if text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "%") }) { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let number = UInt8(String(rest.prefix(2)) ?? "", radix: 16) else {
                throw Refusal(.invalidURI, String(text), status: 400)
            }
            bytes.append(number)
            rest = rest.dropFirst(2)
        }
        guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }),
            let decoded = String(validating: bytes, as: UTF8.self)
        else { throw Refusal(.invalidURI, String(text), status: 400) }
        return decoded
    }
}
