package import FaultPoints
package import HTTPRanges

/// What goes wrong with one answer: the actions of layers `http` and `tls` that met its request.
package struct AnswerFaults: Equatable, Sendable {
    package var plan = ResponsePlan()
    /// Before anything is sent.
    package var holds: [FaultHold] = []
    /// Nothing is ever sent.
    package var isNeverAnswered = false
    /// In the body, before any coding.
    package var corruptions: [FaultAction.Corruption] = []
    package var isGzipped = false
    package var bytesPerSecond: Int?
    /// Each piece goes out by itself.
    package var pieceBytes: Int?
    package var cut: Cut?

    /// The end of a connection after so many bytes of the answer, its head included.
    package struct Cut: Equatable, Sendable {
        package var afterBytes: Int
        package var end: ResponseEnd
    }

    package init(_ plan: ResponsePlan = .right) { self.plan = plan }

    package static let requests = ["head", "get"]

    /// On the operations "head" and "get" of layer `http`.
    package static let carriedOut =
        FaultTable(
            .http, requests,
            [
                "delay", "hold", "drop", "status", "retry-after", "unauthorized", "redirect",
                "length-missing",
                "lie-size", "lie-etag", "lie-last-modified", "close", "reset", "oversized-head",
                "connection-close",
            ])
        + FaultTable(.http, ["head"], ["head-refused"])
        + FaultTable(
            .http, ["get"],
            [
                "range-ignored", "no-content-range", "lie-content-range", "multipart", "gzip", "chunked",
                "short", "overlong", "lie-content-length", "stall-after", "bandwidth", "slice", "corrupt",
            ])

    /// Of layer `tls`, met by each answer.
    package static let carriedOutAtClose = FaultTable(.tls, ["close"], ["close", "drop"])

    /// Traps on an action that ``carriedOut`` does not list.
    ///
    /// - Parameter path: As sent.
    package mutating func add(_ actions: [FaultAction], on operation: String, path: Substring) {
        Self.carriedOut.check(actions, on: operation, of: .http)
        for action in actions { add(action, path: path) }
    }

    /// The records of TLS end too early, or without a farewell.
    package mutating func addAtClose(_ actions: [FaultAction]) {
        Self.carriedOutAtClose.check(actions, on: "close", of: .tls)
        for action in actions {
            if case .close(let count) = action {
                cut = Cut(afterBytes: count, end: .closesSilently)
            } else {
                plan.closesAfterwards = true
                plan.sendsCloseNotify = false
            }
        }
    }

    private mutating func add(_ action: FaultAction, path: Substring) {
        switch action {
        case .delay(let time): plan.delay += time
        case .hold(let hold): holds.append(hold)
        case .drop: isNeverAnswered = true
        case .status(let status): plan.status = status
        case .close(let count): cut = Cut(afterBytes: count, end: .closes)
        case .reset(let count): cut = Cut(afterBytes: count, end: .resets)
        case .short(let count): plan.body = .closesShort(by: UInt64(max(0, count)))
        case .bandwidth(let rate): bytesPerSecond = max(1, rate)
        case .slice(let count): pieceBytes = max(1, count)
        case .corrupt(let corruption): corruptions.append(corruption)
        case .lie(let field, let value): lie(field, value)
        case .special(let name, let value): addSpecial(name, value, path: path)
        case .fail, .failAfterwards, .pretend, .torn, .duplicate, .reorder, .sense:
            preconditionFailure("the image server does not carry out \(action)")
        }
    }

    private mutating func lie(_ field: String, _ value: Int64) {
        switch field {
        case "size": plan.claimedBytes = UInt64(max(0, value))
        case "etag": plan.entityTag = "\"generation-\(value)\""
        // A day for each, from one of 2023 on.
        case "last-modified": plan.lastModified = HTTPDate.text(1_700_000_000 + value % 10_000 * 86_400)
        case "content-range": plan.contentRange = .shifted(by: value)
        case "content-length":
            plan.length = .bytes(UInt64(max(0, value)))
            // Nobody knows any more where the next answer would begin.
            plan.closesAfterwards = true
        default: preconditionFailure("the image server does not lie about \(field)")
        }
    }

    private mutating func addSpecial(_ name: String, _ value: Int64, path: Substring) {
        switch name {
        case "retry-after": plan.extraFields.append("Retry-After: \(value)")
        case "unauthorized":
            plan.status = 401
            plan.extraFields.append("WWW-Authenticate: Basic realm=\"images\"")
        case "redirect":
            plan.status = Int(value)
            // Nobody has this name (RFC 6761 §6.4).
            plan.extraFields.append("Location: https://elsewhere.invalid\(path)")
        case "head-refused":
            plan.status = Int(value)
            plan.extraFields.append("Allow: GET")
        case "length-missing": plan.length = .missing
        case "oversized-head":
            plan.extraFields.append("X-Padding: " + String(repeating: "x", count: Int(max(0, value))))
        case "connection-close": plan.closesAfterwards = true
        case "range-ignored": plan.ignoresRange = true
        case "no-content-range": plan.contentRange = .missing
        case "multipart": plan.isMultipart = true
        case "chunked": plan.length = .chunked
        case "gzip":
            isGzipped = true
            plan.contentEncoding = "gzip"
            // Its length is known at its end only.
            plan.length = .chunked
        case "overlong": plan.body = .grows(by: Int(max(0, value)))
        case "stall-after": plan.body = .stalls(after: UInt64(max(0, value)))
        default: preconditionFailure("the image server knows no \(name)")
        }
    }
}
