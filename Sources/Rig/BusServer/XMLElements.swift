/// The start tags of an XML document with the text right after them: enough for a bus configuration,
/// which nests nothing that matters here.
struct XMLElements: Sequence, IteratorProtocol {
    struct Element: Equatable {
        let name: String
        let attributes: [String: String]
        /// Up to the next tag, trimmed, with the five predefined entities replaced.
        let text: String
    }

    private var rest: Substring

    init(_ document: String) { rest = document[...] }

    mutating func next() -> Element? {
        while let open = rest.firstIndex(of: "<") {
            rest = rest[open...]
            if rest.hasPrefix("<!--") {
                skip(past: "-->")
            } else if rest.hasPrefix("<!") || rest.hasPrefix("<?") || rest.hasPrefix("</") {
                skip(past: ">")
            } else {
                return element()
            }
        }
        return nil
    }

    private mutating func skip(past end: String) {
        rest = rest.firstRange(of: end).map { rest[$0.upperBound...] } ?? ""
    }

    private mutating func element() -> Element? {
        guard let close = rest.firstIndex(of: ">") else {
            rest = ""
            return nil
        }
        let tag = rest[rest.index(after: rest.startIndex)..<close]
        rest = rest[rest.index(after: close)...]
        let name = tag.prefix { !$0.isWhitespace && $0 != "/" }
        let text = tag.hasSuffix("/") ? "" : rest.prefix { $0 != "<" }
        return Element(
            name: String(name), attributes: attributes(tag.dropFirst(name.count)), text: plain(text))
    }

    private func attributes(_ text: Substring) -> [String: String] {
        var attributes: [String: String] = [:]
        var rest = text
        while let equals = rest.firstIndex(of: "=") {
            let key = rest[..<equals].filter { !$0.isWhitespace }
            rest = rest[rest.index(after: equals)...].drop(while: \.isWhitespace)
            guard let quote = rest.popFirst(), let end = rest.firstIndex(of: quote) else { break }
            attributes[String(key)] = plain(rest[..<end])
            rest = rest[rest.index(after: end)...]
        }
        return attributes
    }

    private func plain(_ text: Substring) -> String {
        var plain = String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        for (entity, character) in [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&"),
        ] {
            plain = plain.split(separator: entity, omittingEmptySubsequences: false).joined(
                separator: character)
        }
        return plain
    }
}
