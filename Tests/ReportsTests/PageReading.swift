import Foundation
import FoundationXML

/// A page as a strict parser takes it: our pages are XML too, but for their script and style.
final class PageReading: NSObject, XMLParserDelegate {
    private(set) var text = ""
    private(set) var counts: [String: Int] = [:]
    private(set) var identifiers: [String] = []
    private(set) var references: [String] = []
    /// Names of attributes, to see that none came from a record.
    private(set) var attributeNames: Set<String> = []
    /// Values of all attributes.
    private(set) var attributeValues: [String] = []

    /// - Throws: the parser's own error where the page is not well formed.
    init(_ page: String) throws {
        super.init()
        let body =
            page
            .replacing(try Regex("<script>[^<]*</script>").dotMatchesNewlines(), with: "<script/>")
            .replacing(try Regex("<style>[^<]*</style>").dotMatchesNewlines(), with: "<style/>")
        let parser = XMLParser(data: Data(body.utf8))
        parser.delegate = self
        guard parser.parse() else {
            throw Failure(
                description:
                    "line \(parser.lineNumber): \(parser.parserError?.localizedDescription ?? "unknown")")
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    func parser(
        _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        counts[element, default: 0] += 1
        if let identifier = attributes["id"] { identifiers.append(identifier) }
        for name in ["href", "src", "aria-labelledby", "for", "data-table", "data-copy"] {
            if let value = attributes[name] { references.append(value) }
        }
        attributeNames.formUnion(attributes.keys)
        attributeValues += attributes.values
    }

    func parser(_ parser: XMLParser, foundCharacters found: String) { text += found }
}
