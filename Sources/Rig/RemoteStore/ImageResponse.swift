/// The answer to a request for an image: head, and which of its bytes follow. Pure: decides, sends nothing.
package struct ImageResponse: Equatable, Sendable {
    package let status: Int
    package let fields: [String]
    /// Of the image; `nil` for an answer without image bytes.
    package let body: Range<UInt64>?
    package let isChunked: Bool

    /// What is served: its size and validators.
    package struct Subject: Equatable, Sendable {
        package var byteCount: UInt64
        package var entityTag: String
        /// Seconds since 1970.
        package var modifiedAt: Int64

        package init(byteCount: UInt64, entityTag: String, modifiedAt: Int64) {
            self.byteCount = byteCount
            self.entityTag = entityTag
            self.modifiedAt = modifiedAt
        }
    }

    /// Status line and fields with the empty line.
    package var head: [UInt8] {
        Array(
            (["HTTP/1.1 \(status) \(Self.reason(status))"] + fields + ["", ""]).joined(separator: "\r\n").utf8
        )
    }

    /// An answer without image bytes.
    package init(status: Int, fields: [String] = [], closes: Bool = false) {
        self.status = status
        self.fields = fields + ["Content-Length: 0"] + (closes ? ["Connection: close"] : [])
        body = nil
        isChunked = false
    }

    package init(to request: HTTPRequestHead, for subject: Subject, plan: ResponsePlan) {
        let validators = Validators(subject: subject, plan: plan)
        if !plan.ignoresPreconditions, validators.refuse(request) {
            self.init(status: 412, fields: validators.fields)
            return
        }
        let usesRange = request.method == "GET" && !plan.ignoresRange && validators.allowRange(request)
        switch usesRange ? RequestedRange(request.value("range"), imageBytes: subject.byteCount) : .whole {
        case .unsatisfiable:
            self.init(
                status: 416, fields: validators.fields + ["Content-Range: bytes */\(subject.byteCount)"])
        case .whole:
            self.init(status: 200, range: 0..<subject.byteCount, of: subject, validators, plan)
        case .part(let range):
            self.init(status: 206, range: range, of: subject, validators, plan)
        }
    }

    private init(
        status: Int, range: Range<UInt64>, of subject: Subject, _ validators: Validators, _ plan: ResponsePlan
    ) {
        self.status = status
        var fields = validators.fields + ["Accept-Ranges: bytes", "Content-Type: application/octet-stream"]
        if status == 206 {
            switch plan.contentRange {
            case .right:
                fields.append(
                    "Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(subject.byteCount)")
            case .text(let text): fields.append("Content-Range: \(text)")
            case .missing: break
            }
        }
        switch plan.length {
        case .right: fields.append("Content-Length: \(range.count)")
        case .bytes(let count): fields.append("Content-Length: \(count)")
        case .chunked: fields.append("Transfer-Encoding: chunked")
        }
        if let encoding = plan.contentEncoding { fields.append("Content-Encoding: \(encoding)") }
        if plan.closesAfterwards { fields.append("Connection: close") }
        self.fields = fields + plan.extraFields
        body = range
        isChunked = plan.length == .chunked
    }

    static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 410: "Gone"
        case 412: "Precondition Failed"
        case 416: "Range Not Satisfiable"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 503: "Service Unavailable"
        default: "Status"
        }
    }
}

/// ETag and Last-Modified, and the conditions that clients put on them (RFC 9110 §13).
private struct Validators {
    let entityTag: String?
    let lastModified: String?
    let modifiedAt: Int64

    init(subject: ImageResponse.Subject, plan: ResponsePlan) {
        let tag = plan.entityTag ?? subject.entityTag
        entityTag = tag.isEmpty ? nil : tag
        let date = plan.lastModified ?? HTTPDate.text(subject.modifiedAt)
        lastModified = date.isEmpty ? nil : date
        modifiedAt = subject.modifiedAt
    }

    var fields: [String] {
        (entityTag.map { ["ETag: \($0)"] } ?? []) + (lastModified.map { ["Last-Modified: \($0)"] } ?? [])
    }

    /// `If-Match` compares strongly, and rules out `If-Unmodified-Since` (§13.1.1, §13.1.4).
    func refuse(_ request: HTTPRequestHead) -> Bool {
        if let wanted = request.value("if-match") {
            guard wanted != "*" else { return false }
            let tags = wanted.split(separator: ",").map { $0.drop(while: \.isWhitespace) }
            return !tags.contains { isStrongMatch(String($0)) }
        }
        guard let date = request.value("if-unmodified-since").flatMap(HTTPDate.seconds) else { return false }
        return lastModified.flatMap(HTTPDate.seconds).map { $0 > date } ?? false
    }

    /// `If-Range` lets the range count only when nothing changed (§13.1.5).
    func allowRange(_ request: HTTPRequestHead) -> Bool {
        guard let condition = request.value("if-range") else { return true }
        return condition.contains("\"") ? isStrongMatch(condition) : condition == lastModified
    }

    private func isStrongMatch(_ tag: String) -> Bool {
        !tag.hasPrefix("W/") && tag == entityTag
    }
}
