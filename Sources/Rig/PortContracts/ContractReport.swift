import Foundation
import Reports

/// Results of contracts, for people and for programs.
package enum ContractReport {
    /// One line: "ok    nbd: …" or "BREAK nbd: …", and below it what was found.
    package static func line(_ result: ContractResult) -> String {
        guard let breach = result.breach else { return "ok    \(result.area): \(result.name)" }
        return "BREAK \(result.area): \(result.name)\n      \(breach)"
    }

    package static func summary(_ results: [ContractResult], on subject: String) -> String {
        let broken = results.count { $0.breach != nil }
        let seconds = results.map(\.milliseconds).reduce(0, +) / 1000
        return
            "\(results.count - broken) of \(results.count) contracts hold on the \(subject), in \(seconds) s"
    }

    /// `{"subject": "kernel", "results": [{"area", "name", "breach"?, "milliseconds"}]}`
    package static func json(_ results: [ContractResult], on subject: String) throws -> String {
        struct Document: Encodable {
            let subject: String
            let results: [ContractResult]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(
            decoding: try encoder.encode(Document(subject: subject, results: results)), as: UTF8.self)
    }

    /// A suite per area.
    package static func junit(_ results: [ContractResult], on subject: String) -> String {
        let suites = PortContract.Area.allCases.map { area -> Markup in
            let own = results.filter { $0.area == area.rawValue }
            guard !own.isEmpty else { return "" }
            let cases = Markup(own.map(junitCase))
            return """
                <testsuite name="\(subject): \(area.rawValue)" \(counts(own))>
                \(cases)</testsuite>

                """
        }
        let document: Markup = """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="mediarig contracts" \(counts(results))>
            \(Markup(suites))</testsuites>

            """
        return document.source
    }

    private static func counts(_ results: [ContractResult]) -> Markup {
        let failures = results.count { $0.breach != nil }
        let seconds = time(results.map(\.milliseconds).reduce(0, +))
        return
            "tests=\"\(results.count)\" failures=\"\(failures)\" errors=\"0\" skipped=\"0\" time=\"\(seconds)\""
    }

    private static func junitCase(_ result: ContractResult) -> Markup {
        let head: Markup =
            "<testcase classname=\"\(result.area)\" name=\"\(result.name)\" time=\"\(time(result.milliseconds))\""
        guard let breach = result.breach else { return "\(head)/>\n" }
        return "\(head)><failure message=\"\(breach)\"/></testcase>\n"
    }

    private static func time(_ milliseconds: Int) -> String {
        let rest = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}
