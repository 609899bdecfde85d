/// The answer to a request for an image: head, and which of its bytes follow. Pure: decides, sends
/// nothing. Whoever serves images, over sockets or in memory, answers with this.
package struct ImageResponse: Equatable, Sendable {
    package let status: Int
    package let fields: [String]
    /// Of the image; `nil` for an answer without image bytes.
    package let body: Range<UInt64>?
    package let isChunked: Bool
    /// Around the body of a part in multipart/byteranges (RFC 9110 §14.6); else empty.
    package let framing: Framing

    package struct Framing: Equatable, Sendable {
        package var before: [UInt8] = []
        package var after: [UInt8] = []
    }

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
        framing = Framing()
    }

    /// The answer to any request.
    ///
    /// - Parameters:
    ///   - credentials: What clients must name, where they must.
    ///   - subject: Looks for the image, `nil` when there is none; asked only on behalf of those who may
    ///     know.
    package init(
        to request: HTTPRequestHead, plan: ResponsePlan, credentials: BasicCredentials?,
        subject: () -> Subject?
    ) {
        // A body would be taken for the next request.
        let hasBody =
            request.has("transfer-encoding") || (request.value("content-length") ?? "0") != "0"
        if hasBody || !["GET", "HEAD"].contains(request.method) {
            self.init(status: hasBody ? 400 : 405, fields: ["Allow: GET, HEAD"], closes: true)
        } else if let status = plan.status {
            self.init(status: status, fields: plan.extraFields)
        } else if let credentials, !credentials.admit(request) {
            self.init(status: 401, fields: ["WWW-Authenticate: Basic realm=\"images\""])
        } else if let subject = subject() {
            self.init(to: request, for: subject, plan: plan)
        } else {
            self.init(status: 404)
        }
    }

    /// What becomes of the connection after an answer that was sent whole.
    package func end(after request: HTTPRequestHead, plan: ResponsePlan) -> ResponseEnd {
        let isLast =
            plan.closesAfterwards || !request.keepsAlive || fields.contains("Connection: close")
        return isLast ? (plan.sendsCloseNotify ? .closes : .closesSilently) : .staysOpen
    }

    package init(to request: HTTPRequestHead, for subject: Subject, plan: ResponsePlan) {
        var subject = subject
        subject.byteCount = plan.claimedBytes ?? subject.byteCount
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
        var fields = validators.fields + ["Accept-Ranges: bytes"]
        if status == 206, plan.isMultipart {
            framing = Self.multipart(Self.contentRange(range, of: subject))
            fields.append("Content-Type: multipart/byteranges; boundary=\(Self.boundary)")
        } else {
            framing = Framing()
            fields.append("Content-Type: application/octet-stream")
        }
        if status == 206, !plan.isMultipart {
            switch plan.contentRange {
            case .right: fields.append(Self.contentRange(range, of: subject))
            case .text(let text): fields.append("Content-Range: \(text)")
            case .shifted(let distance):
                let start = UInt64(max(0, Int64(clamping: range.lowerBound) &+ distance))
                fields.append(Self.contentRange(start..<start + UInt64(range.count), of: subject))
            case .missing: break
            }
        }
        switch plan.length {
        case .right:
            let count = range.count + framing.before.count + framing.after.count
            fields.append("Content-Length: \(count)")
        case .bytes(let count): fields.append("Content-Length: \(count)")
        case .chunked: fields.append("Transfer-Encoding: chunked")
        case .missing: break
        }
        if let encoding = plan.contentEncoding { fields.append("Content-Encoding: \(encoding)") }
        if plan.closesAfterwards || plan.length == .missing { fields.append("Connection: close") }
        self.fields = fields + plan.extraFields
        body = range
        isChunked = plan.length == .chunked
    }

    /// - Parameter range: Not empty.
    private static func contentRange(_ range: Range<UInt64>, of subject: Subject) -> String {
        "Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(subject.byteCount)"
    }

    private static let boundary = "IMAGE_PART"

    private static func multipart(_ contentRange: String) -> Framing {
        Framing(
            before: Array("\r\n--\(boundary)\r\n\(contentRange)\r\n\r\n".utf8),
            after: Array("\r\n--\(boundary)--\r\n".utf8))
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
