import Testing

@testable import HTTPRanges

struct ImageResponseTests {
    static let subject = ImageResponse.Subject(byteCount: 1000, entityTag: "\"a\"", modifiedAt: 784_111_777)

    static func request(_ lines: String...) throws -> HTTPRequestHead {
        let text = (lines + ["", ""]).joined(separator: "\r\n")
        guard case .complete(let head, _) = HTTPRequestHead.parse(Array(text.utf8)[...]) else {
            throw Malformed(text: text)
        }
        return head
    }

    struct Malformed: Error { let text: String }

    static func answer(
        _ lines: [String], plan: ResponsePlan = .right, credentials: BasicCredentials? = nil,
        subject: ImageResponse.Subject? = subject
    ) throws -> ImageResponse {
        let head = try request((lines + [""]).joined(separator: "\r\n"))
        return ImageResponse(to: head, plan: plan, credentials: credentials) { subject }
    }

    static let rows: [(fields: [String], status: Int, body: Range<UInt64>?)] = [
        ([], 200, 0..<1000), (["Range: bytes=0-0"], 206, 0..<1), (["Range: bytes=990-2000"], 206, 990..<1000),
        (["Range: bytes=-10"], 206, 990..<1000), (["Range: bytes=1000-"], 416, nil),
        (["Range: bytes=0-0,5-6"], 200, 0..<1000),
        (["Range: bytes=0-0", "If-Match: \"a\""], 206, 0..<1),
        (["Range: bytes=0-0", "If-Match: \"b\", \"a\""], 206, 0..<1),
        (["Range: bytes=0-0", "If-Match: \"b\""], 412, nil),
        (["Range: bytes=0-0", "If-Match: W/\"a\""], 412, nil),
        (["Range: bytes=0-0", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"], 206, 0..<1),
        (["Range: bytes=0-0", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT"], 412, nil),
        (["Range: bytes=0-0", "If-Range: \"b\""], 200, 0..<1000),
        (["Content-Length: 3"], 400, nil),
    ]

    @Test(arguments: rows.indices)
    func `a request for an image has one right answer`(row: Int) throws {
        let (fields, status, body) = Self.rows[row]
        let response = try Self.answer(["GET /x HTTP/1.1"] + fields)
        #expect(response.status == status)
        #expect(response.body == body)
    }

    @Test func `an empty image has an answer too`() throws {
        let empty = ImageResponse.Subject(byteCount: 0, entityTag: "\"e\"", modifiedAt: 0)
        #expect(try Self.answer(["GET /x HTTP/1.1"], subject: empty).body == 0..<0)
        #expect(try Self.answer(["GET /x HTTP/1.1", "Range: bytes=0-0"], subject: empty).status == 416)
    }

    @Test func `who may not know is not told what is there`() throws {
        let credentials = BasicCredentials(user: "u", password: "p:q")
        let none = try Self.answer(["GET /x HTTP/1.1"], credentials: credentials, subject: nil)
        #expect(none.status == 401)
        // u:p:q
        let right = ["GET /x HTTP/1.1", "Authorization: Basic dTpwOnE="]
        #expect(try Self.answer(right, credentials: credentials, subject: nil).status == 404)
        #expect(try Self.answer(right, credentials: credentials).status == 200)
        let wrong = ["GET /x HTTP/1.1", "Authorization: Basic dTpwOnI="]
        #expect(try Self.answer(wrong, credentials: credentials).status == 401)
    }

    @Test func `a part in multipart form says its range inside, and its length around`() throws {
        let response = try Self.answer(
            ["GET /x HTTP/1.1", "Range: bytes=10-19"], plan: .but { $0.isMultipart = true })
        let head = String(decoding: response.head, as: UTF8.self)
        #expect(!head.contains("Content-Range"))
        #expect(head.contains("multipart/byteranges"))
        let before = String(decoding: response.framing.before, as: UTF8.self)
        #expect(before.contains("Content-Range: bytes 10-19/1000\r\n\r\n"))
        let total = response.framing.before.count + 10 + response.framing.after.count
        #expect(head.contains("Content-Length: \(total)\r\n"))
    }

    @Test(
        arguments: [
            (nil, 10..<20, 0, false, nil), (.closes(after: 4), 10..<14, 0, false, .closesSilently),
            (.closes(after: 40), 10..<20, 0, false, .closesSilently),
            (.resets(after: 0), 10..<10, 0, false, .resets),
            (.stalls(after: 3), 10..<13, 0, true, .closesSilently), (.grows(by: 5), 10..<20, 5, false, nil),
        ] as [(ResponsePlan.BodyFault?, Range<UInt64>, Int, Bool, ResponseEnd?)])
    func `a body is cut where its plan says`(
        fault: ResponsePlan.BodyFault?, sent: Range<UInt64>, extra: Int, stalls: Bool, end: ResponseEnd?
    ) {
        let plan = BodyPlan(10..<20, fault: fault)
        #expect(plan.sent == sent)
        #expect(plan.extraByteCount == extra)
        #expect(plan.stallsAfterwards == stalls)
        #expect(plan.cutBy == end)
    }

    @Test(arguments: [
        ("/a%20b?c%zz", "/a b"), ("/a%2", nil), ("/%FF", nil), ("/a?b", "/a"), ("/%2e%2e", "/.."),
    ])
    func `a path is decoded once, without its query`(target: String, path: String?) throws {
        #expect(try Self.request("GET \(target) HTTP/1.1").path == path)
    }
}
