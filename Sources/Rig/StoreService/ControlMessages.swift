/// A request to the control interface. Pure bytes; ``ControlServer`` moves them.
package struct ControlRequest: Equatable, Sendable {
    package var method: String
    /// Without its query: "/faults/f1".
    package var path: String
    package var query: [String: String]
    package var body: [UInt8]

    package init(_ method: String, _ path: String, query: [String: String] = [:], body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }

    /// - Parameter target: Path and query as sent.
    init(_ method: String, target: String, body: [UInt8]) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var query: [String: String] = [:]
        for pair in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[String(words[0])] = words.count > 1 ? String(words[1]) : ""
        }
        self.init(method, String(parts[0]), query: query, body: body)
    }
}

package struct ControlResponse: Equatable, Sendable {
    package var status: Int
    package var contentType: String
    package var body: [UInt8]

    package init(status: Int = 200, _ contentType: String, _ text: String) {
        self.status = status
        self.contentType = contentType
        body = Array(text.utf8)
    }

    package init(status: Int = 200, json: String) { self.init(status: status, "application/json", json) }

    var bytes: [UInt8] {
        let head = """
            HTTP/1.1 \(status) \(Self.reason(status))\r
            Content-Type: \(contentType)\r
            Content-Length: \(body.count)\r
            Cache-Control: no-store\r
            \r

            """
        return Array(head.utf8) + body
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 431: "Request Header Fields Too Large"
        default: "Status"
        }
    }
}
