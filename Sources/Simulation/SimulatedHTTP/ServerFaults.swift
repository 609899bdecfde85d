package import FaultPoints
import Glibc
import HTTPRanges
import RemoteImages

extension SimulatedImageServer {
    /// What can be made to go wrong. Operations, with their targets:
    ///
    /// | layer, operation | target | when |
    /// |---|---|---|
    /// | network "resolve" | host | before a connection |
    /// | network "connect" | host:port | then |
    /// | tls "handshake" | host:port | then |
    /// | network "send" | host:port; bytes of the request | a request is on its way |
    /// | network "receive" | host:port; bytes of the stream | the head, or up to 128 KiB of a body, leaves the server |
    /// | http "get", "head" | URL's path; bytes asked for | a request has arrived |
    /// | tls "close" | URL's path | the answer is about to be sent: whether its records end early |
    /// | store "open", "getattr" | path | the image is looked for |
    /// | store "read" | path; bytes of the image | up to 128 KiB of it are read to be sent |
    ///
    /// `afterBytes` of a connection counts all that the server sends on it, of an answer its head too.
    /// "stall-after" counts bytes of the body.
    package static let carriedOut: FaultTable =
        FaultTable(.network, ["resolve"], ["delay", "hold", "nxdomain", "servfail"])
        + FaultTable(
            .network, ["connect"], ["delay", "hold", "drop", "fail", "reset", "close", "bandwidth"])
        + FaultTable(.network, ["send", "receive"], ["delay", "hold", "bandwidth", "reset", "slice"])
        + FaultTable(
            .tls, ["handshake"],
            ["delay", "hold", "drop", "close", "reset"] + TransferFault.handshakeFaults.map(\.word))
        + FaultTable(.tls, ["close"], ["close", "drop"])
        + FaultTable(
            .http, ["get", "head"],
            [
                "delay", "hold", "drop", "close", "reset", "status", "retry-after", "unauthorized",
                "redirect",
                "length-missing", "chunked", "lie-size", "lie-content-length", "lie-etag",
                "lie-last-modified", "connection-close", "oversized-head",
            ])
        + FaultTable(.http, ["head"], ["head-refused"])
        + FaultTable(
            .http, ["get"],
            [
                "short", "overlong", "stall-after", "slice", "bandwidth", "range-ignored", "no-content-range",
                "multipart", "gzip", "lie-content-range", "lie-content-range-start",
                "lie-content-range-total", "corrupt",
            ])
        + FaultTable(
            .store, ["open", "getattr", "read"],
            [
                "delay", "hold", "uninterruptible", "fail", "crash-before", "crash-after", "replace",
                "truncate",
                "grow",
            ])
        + FaultTable(.store, ["getattr", "open"], ["lie-size", "lie-mtime"])
        + FaultTable(.store, ["read"], ["short", "torn", "corrupt", "bandwidth"])

    /// Between operations that a server repeats because the system says EINTR.
    static let maximumInterruptions = 100
}

extension TransferFault {
    /// What becomes of a handshake, by the words of faults.
    static let handshakeFaults: [(word: String, fault: TransferFault)] = [
        ("expired", .untrusted(.expired)), ("not-yet-valid", .untrusted(.notYetValid)),
        ("wrong-host", .untrusted(.wrongName)), ("unknown-ca", .untrusted(.unknownAuthority)),
        ("self-signed", .untrusted(.selfSigned)),
        // X509_V_ERR_EE_KEY_TOO_SMALL
        ("weak", .untrusted(.other(66))), ("old-version", .tlsFailed("alert protocol version")),
        ("client-cert", .tlsFailed("the server asks for a client certificate")),
        ("alert", .tlsFailed("alert handshake failure")),
    ]

    static func handshakeFault(_ word: String) -> TransferFault? {
        handshakeFaults.first { $0.word == word }?.fault
    }

    /// A connection that the system refuses with this errno.
    init(connecting errno: CInt) {
        self =
            switch errno {
            case ECONNREFUSED: .connectionRefused
            case ETIMEDOUT: .noAnswerToConnection
            default: .unreachable(reason: String(cString: strerror(errno)))
            }
    }
}

/// How one request is answered once all faults have had their say.
struct AnswerFaults {
    var plan: ResponsePlan
    /// Before the first byte.
    var pauses: [FaultAction] = []
    var sliceBytes: Int?
    var bytesPerSecond: Int?
    /// Ends the connection after so many bytes of the answer, its head included.
    var cutAfter: Int?
    var corruptions: [FaultAction.Corruption] = []
    /// Never answers.
    var isSilent = false

    /// - Parameters:
    ///   - asked: The bytes that a right answer would hold.
    ///   - imageBytes: Of the image as it is.
    init(
        _ actions: [FaultAction], to plan: ResponsePlan, isHead: Bool, asked: Range<UInt64>,
        imageBytes: UInt64
    ) {
        self.plan = plan
        for action in actions {
            switch action {
            case .delay, .hold: pauses.append(action)
            case .drop: isSilent = true
            case .close(let count), .reset(let count): cutAfter = min(count, cutAfter ?? .max)
            case .status(let status): self.plan.status = status
            case .short(let missing):
                let count = UInt64(max(0, asked.count - missing))
                self.plan.body = .closes(after: count)
            case .slice(let count): sliceBytes = max(1, count)
            case .bandwidth(let rate): bytesPerSecond = max(1, rate)
            case .corrupt(let corruption): corruptions.append(corruption)
            case .lie(let field, let value): lie(field, value, isHead, asked, imageBytes)
            case .special(let word, let number): apply(word, number, isHead, asked)
            default: preconditionFailure("\(action) is in no table of the image server")
            }
        }
    }

    private mutating func lie(
        _ field: String, _ value: Int64, _ isHead: Bool, _ asked: Range<UInt64>, _ imageBytes: UInt64
    ) {
        let number = UInt64(max(0, value))
        switch field {
        case "content-length": plan.length = .bytes(number)
        case "size" where isHead: plan.length = .bytes(number)
        case "size", "content-range-total": claim(asked, total: "\(number)")
        case "content-range-start": claim(number..<number + UInt64(asked.count), total: "\(imageBytes)")
        case "content-range":
            let start = UInt64(max(0, Int64(asked.lowerBound) + value))
            claim(start..<start + UInt64(asked.count), total: "\(imageBytes)")
        case "etag": plan.entityTag = "\"other-\(value)\""
        case "last-modified": plan.lastModified = HTTPDate.text(value)
        default: preconditionFailure("no field of an answer is called \(field)")
        }
    }

    private mutating func apply(_ word: String, _ number: Int64, _ isHead: Bool, _ asked: Range<UInt64>) {
        switch word {
        case "retry-after": plan.extraFields.append("Retry-After: \(number)")
        case "unauthorized":
            plan.status = 401
            plan.extraFields.append("WWW-Authenticate: Basic realm=\"images\"")
        case "redirect":
            plan.status = number == 0 ? 302 : Int(number)
            plan.extraFields.append("Location: https://elsewhere.example/image")
        case "head-refused": plan.status = number == 0 ? 405 : Int(number)
        case "range-ignored": plan.ignoresRange = true
        case "no-content-range": plan.contentRange = .missing
        case "multipart": plan.isMultipart = true
        case "gzip": plan.contentEncoding = "gzip"
        case "chunked": plan.length = .chunked
        case "length-missing":
            plan.length = .chunked
            if !isHead { claim(asked, total: "*") }
        case "overlong": plan.body = .grows(by: Int(number))
        case "stall-after": plan.body = .stalls(after: UInt64(max(0, number)))
        case "connection-close": plan.closesAfterwards = true
        case "oversized-head":
            plan.extraFields.append("X-Filler: " + String(repeating: "x", count: Int(number)))
        default: preconditionFailure("the image server knows no fault \"\(word)\"")
        }
    }

    private mutating func claim(_ range: Range<UInt64>, total: String) {
        let last = max(range.lowerBound, range.upperBound &- 1)
        plan.contentRange = .text("bytes \(range.lowerBound)-\(last)/\(total)")
    }
}
