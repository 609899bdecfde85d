/// How one request is to be answered: rightly, or with faults at the level of HTTP and of the
/// connection. A plan is data; ``ImageResponse``, ``BodyPlan`` and the connection carry it out.
package struct ResponsePlan: Equatable, Sendable {
    package enum RangeClaim: Equatable, Sendable {
        case right, missing
        case text(String)
        /// Of bytes so much further on.
        case shifted(by: Int64)
    }
    package enum LengthClaim: Equatable, Sendable {
        case right
        /// Chunked transfer coding.
        case chunked
        case bytes(UInt64)
        /// The body ends with the connection.
        case missing
    }
    /// What happens after so many bytes of the body were sent.
    package enum BodyFault: Equatable, Sendable {
        case closes(after: UInt64)
        /// So many bytes before the end.
        case closesShort(by: UInt64)
        case resets(after: UInt64)
        /// Sends nothing more until the client gives up or the server stops.
        case stalls(after: UInt64)
        /// Sends more than the head promised.
        case grows(by: Int)
    }

    /// Answers with this status and no image.
    package var status: Int?
    package var extraFields: [String] = []
    /// Sends the whole image with 200, whatever was asked for.
    package var ignoresRange = false
    package var contentRange = RangeClaim.right
    package var length = LengthClaim.right
    package var contentEncoding: String?
    /// Wraps the range asked for in multipart/byteranges, as no server should a single one.
    package var isMultipart = false
    /// Of the whole image, instead of the truth.
    package var claimedBytes: UInt64?
    /// Instead of the image's own; `""` leaves the field out.
    package var entityTag: String?
    package var lastModified: String?
    /// Looks at neither `If-Match` nor its kin, as simple servers do.
    package var ignoresPreconditions = false
    package var body: BodyFault?
    /// Before the first byte of the answer.
    package var delay = Duration.zero
    /// Hangs up without an answer.
    package var dropsRequest = false
    package var closesAfterwards = false
    /// Whether the end of the connection is announced in TLS (close_notify, RFC 8446 §6.1).
    package var sendsCloseNotify = true

    package init() {}

    package static let right = ResponsePlan()
    package static func status(_ number: Int, _ fields: String...) -> ResponsePlan {
        var plan = ResponsePlan()
        plan.status = number
        plan.extraFields = fields
        return plan
    }
    /// A right answer but for what `change` does.
    package static func but(_ change: (inout ResponsePlan) -> Void) -> ResponsePlan {
        var plan = ResponsePlan()
        change(&plan)
        return plan
    }
}

/// What a planner knows of a request.
package struct ReceivedRequest: Equatable, Sendable {
    /// Counts the server's requests, from 0.
    package let number: Int
    /// Counts the server's connections, from 0.
    package let connection: Int
    package let head: HTTPRequestHead

    package init(number: Int, connection: Int, head: HTTPRequestHead) {
        self.number = number
        self.connection = connection
        self.head = head
    }

    package var isHead: Bool { head.method == "HEAD" }
    package var path: Substring { head.target.prefix { $0 != "?" } }
}
