import Foundation
import FoundationXML

/// JUnit XML as a reader on the other side takes it, by libxml2.
final class JUnitReading: NSObject, XMLParserDelegate {
    struct Failure {
        var element: String
        var type: String
        var message: String
        var text = ""
    }
    struct Case {
        var suite: String
        var className: String
        var name: String
        var properties: [String: String] = [:]
        var failure: Failure?
        var skipped: String?
    }

    private(set) var suites: [String] = []
    private(set) var cases: [Case] = []
    private(set) var rootCounts: [String: String] = [:]
    private var path: [String] = []

    init(_ text: String) throws {
        super.init()
        let parser = XMLParser(data: Data(text.utf8))
        parser.delegate = self
        guard parser.parse() else {
            throw parser.parserError ?? CocoaError(.coderReadCorrupt)
        }
    }

    func parser(
        _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        path.append(element)
        switch element {
        case "testsuites":
            rootCounts = attributes.filter { ["tests", "failures", "errors", "skipped"].contains($0.key) }
        case "testsuite": suites.append(attributes["name"] ?? "")
        case "testcase":
            cases.append(
                Case(
                    suite: suites.last ?? "", className: attributes["classname"] ?? "",
                    name: attributes["name"] ?? ""))
        case "property" where path.contains("testcase"):
            cases[cases.count - 1].properties[attributes["name"] ?? ""] = attributes["value"]
        case "failure", "error":
            cases[cases.count - 1].failure = Failure(
                element: element, type: attributes["type"] ?? "", message: attributes["message"] ?? "")
        case "skipped": cases[cases.count - 1].skipped = attributes["message"]
        default: break
        }
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) {
        if path.last == "failure" || path.last == "error" { cases[cases.count - 1].failure?.text += text }
    }

    func parser(
        _ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?
    ) {
        path.removeLast()
    }
}
