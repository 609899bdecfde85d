import HTTPRanges
import RemoteImages
import TestSupport
import Testing
import VirtualMedia

/// The simulated server and its connections fail as the real ones do: the same cause in the same words.
struct ContractTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let attempt: Attempt
        /// Where tries go on until the time is up, how many there are is a matter of luck.
        let countsRequests: Bool
        var testDescription: String { name }
    }

    /// Answered so from the first request on.
    static let openings: [Row] = [
        opening("right", .right), opening("401", .status(401)),
        opening("401 Digest", .status(401, "WWW-Authenticate: Digest realm=\"x\"")),
        opening("403", .status(403)), opening("404", .status(404)), opening("410", .status(410)),
        opening("416", .status(416)), opening("416 empty", .status(416, "Content-Range: bytes */0")),
        opening("418", .status(418)), opening("501", .status(501)), opening("500", .status(500)),
        opening("503", .status(503, "Retry-After: 3600")),
        opening("302", .status(302, "Location: https://other.example/x")),
        opening("range ignored", .but { $0.ignoresRange = true }),
        opening("gzip", .but { $0.contentEncoding = "gzip" }),
        opening("no Content-Range", .but { $0.contentRange = .missing }),
        opening("multipart", .but { $0.isMultipart = true }),
        opening("wrong Content-Range", .but { $0.contentRange = .text("bytes 1-1/3000001") }),
        opening("malformed Content-Range", .but { $0.contentRange = .text("bytes 0-0/0") }),
        opening("wrong Content-Length", .but { $0.length = .bytes(2) }),
        opening("chunked", .but { $0.length = .chunked }),
        opening(
            "chunked and overlong",
            .but {
                $0.length = .chunked
                $0.body = .grows(by: 100)
            }),
        opening("overlong", .but { $0.body = .grows(by: 100) }),
        opening("closed before the body", .but { $0.body = .closes(after: 0) }),
        opening("reset before the body", .but { $0.body = .resets(after: 0) }),
        opening(
            "chunked without end",
            .but {
                $0.length = .chunked
                $0.body = .closes(after: 1)
            }),
        opening("dropped", .but { $0.dropsRequest = true }),
        opening("stalled", .but { $0.body = .stalls(after: 0) }),
        opening("late", .but { $0.delay = .seconds(30) }),
        opening(
            "oversized head",
            .but {
                $0.extraFields = ["X-Long: " + String(repeating: "x", count: 70_000)]
            }),
        opening(
            "no close_notify",
            .but {
                $0.closesAfterwards = true
                $0.sendsCloseNotify = false
            }),
        opening("an unknown length", .but { $0.contentRange = .text("bytes 0-0/*") }),
    ]

    /// Right until the image is open.
    static let readings: [Row] = [
        reading("right", .right), reading("401", .status(401)), reading("404", .status(404)),
        reading("412", .status(412)), reading("416", .status(416)),
        reading("range ignored", .but { $0.ignoresRange = true }),
        reading("no Content-Range", .but { $0.contentRange = .missing }),
        reading("another range", .but { $0.contentRange = .text("bytes 131072-262143/3000001") }),
        reading("another length", .but { $0.length = .bytes(131_071) }),
        reading("another size", .but { $0.contentRange = .text("bytes 0-131071/3000002") }),
        reading(
            "another ETag",
            .but {
                $0.ignoresPreconditions = true
                $0.entityTag = "\"other\""
            }),
        reading("another ETag and If-Match", .but { $0.entityTag = "\"other\"" }),
        reading(
            "no ETag",
            .but {
                $0.ignoresPreconditions = true
                $0.entityTag = ""
            }),
        reading("chunked", .but { $0.length = .chunked }),
        reading(
            "chunked and overlong",
            .but {
                $0.length = .chunked
                $0.body = .grows(by: 1)
            }),
        // The next ones pass.
        reading("503 once", .status(503), times: 1),
        reading("dropped once", .but { $0.dropsRequest = true }, times: 1),
        reading("closed once", .but { $0.body = .closes(after: 100_000) }, times: 1),
        reading("reset twice", .but { $0.body = .resets(after: 100_000) }, times: 2),
        reading("stalled once", .but { $0.body = .stalls(after: 100_000) }, times: 1),
    ]

    static func opening(_ name: String, _ plan: ResponsePlan) -> Row {
        var attempt = Attempt()
        attempt.planner = { _ in plan }
        attempt.change = { $0.stallTimeout = .milliseconds(300) }
        let isRepeated =
            plan.body.map { if case .grows = $0 { false } else { true } } ?? false || plan.dropsRequest
            || plan.status.map { $0 >= 500 && $0 != 501 } ?? false
        attempt.timeout = isRepeated ? .milliseconds(1500) : .seconds(10)
        return Row(name: name, attempt: attempt, countsRequests: !isRepeated)
    }

    static func reading(_ name: String, _ plan: ResponsePlan, times: Int = .max) -> Row {
        var attempt = Attempt()
        attempt.planner = { 0 < $0.number && $0.number - 1 < times ? plan : .right }
        attempt.change = { $0.stallTimeout = .milliseconds(300) }
        attempt.reads = true
        return Row(name: name, attempt: attempt, countsRequests: true)
    }

    @Test(arguments: openings)
    func `an opening ends as the real one does`(row: Row) async throws { try await compare(row) }

    @Test(arguments: readings)
    func `a read ends as the real one does`(row: Row) async throws { try await compare(row) }

    @Test(arguments: [CertificateFault.expired, .notYetValid, .wrongName, .selfSigned])
    func `a certificate is refused as the real one is`(fault: CertificateFault) async throws {
        var attempt = Attempt()
        attempt.certificate = fault
        try await compare(Row(name: "\(fault)", attempt: attempt, countsRequests: true))
    }

    @Test(arguments: [nil, BasicCredentials(user: "u", password: "p"), .init(user: "u", password: "ü:")])
    func `user and password count as in reality`(given: BasicCredentials?) async throws {
        var attempt = Attempt()
        attempt.credentials = BasicCredentials(user: "u", password: "ü:")
        attempt.given = given
        try await compare(Row(name: "credentials", attempt: attempt, countsRequests: true))
    }

    @Test func `an empty image is told as in reality`() async throws {
        var attempt = Attempt()
        attempt.image = []
        try await compare(Row(name: "empty", attempt: attempt, countsRequests: true))
    }

    private func compare(_ row: Row) async throws {
        var real = try await row.attempt.inReality()
        var simulated = try row.attempt.inSimulation()
        if !row.countsRequests {
            (real.requestCount, simulated.requestCount) = (0, 0)
        }
        #expect(simulated == real, "\(row.name)")
    }
}
