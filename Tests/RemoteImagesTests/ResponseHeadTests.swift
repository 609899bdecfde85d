import Testing

@testable import RemoteImages

struct ResponseHeadTests {
    static func head(_ lines: String...) -> ResponseHead {
        var head = ResponseHead()
        for line in lines + [""] { _ = head.append(Array("\(line)\r\n".utf8)) }
        return head
    }

    @Test func `a head is complete with its empty line`() {
        var head = ResponseHead()
        #expect(head.append(Array("HTTP/1.1 206 Partial Content\r\n".utf8)) == .wantsMore)
        #expect(head.append(Array("ETag:  \"a b\"\t\r\n".utf8)) == .wantsMore)
        #expect(!head.isComplete)
        #expect(head.append(Array("\r\n".utf8)) == .complete)
        #expect(head.status == 206)
        #expect(head.value("etag") == "\"a b\"")
    }

    @Test func `informational heads are passed over`() {
        let head = Self.head("HTTP/1.1 103 Early Hints", "ETag: early", "", "HTTP/1.1 206 x", "ETag: late")
        #expect(head.isComplete)
        #expect(head.value("etag") == "late")
    }

    @Test func `informational heads without end are cut off`() {
        var head = ResponseHead()
        var progress = ResponseHead.Progress.wantsMore
        for _ in 0..<10_000 where progress == .wantsMore {
            _ = head.append(Array("HTTP/1.1 100 Continue\r\n".utf8))
            progress = head.append(Array("X: y\r\n".utf8))
        }
        #expect(progress == .tooLong)
    }

    @Test(arguments: ["HTTP/1.1", "HTTP/1.1 x", "HTTP/1.1 99 x", "HTTP/1.1 1000 x", "HTTP/1.1 -206 x"])
    func `a status line without a status is malformed`(line: String) {
        var head = ResponseHead()
        #expect(head.append(Array(line.utf8)) == .malformed)
    }

    @Test func `a field given twice is no single value`() {
        let head = Self.head("HTTP/1.1 206 x", "Content-Range: bytes 0-0/5", "content-range: bytes 0-0/6")
        #expect(head.value("content-range").flatMap(ContentRange.init) == nil)
    }

    @Test(
        arguments: [
            ("5", 5), ("18446744073709551615", .max), ("18446744073709551616", nil), ("+5", nil), ("-5", nil),
            ("", nil), ("5 5", nil), ("0x5", nil),
        ] as [(String, UInt64?)])
    func `a length is digits that fit`(text: String, expected: UInt64?) {
        #expect(Self.head("HTTP/1.1 200 x", "Content-Length: \(text)").contentLength == expected)
    }

    static let ranges: [(String, Range<UInt64>?, UInt64?)?] = [
        ("bytes 0-0/1", 0..<1, 1), ("bytes 5-9/10", 5..<10, 10), ("Bytes 5-9/*", 5..<10, nil),
        ("bytes */10", nil, 10),
        ("bytes 0-18446744073709551613/18446744073709551615", 0..<18_446_744_073_709_551_614, .max),
    ]

    @Test(arguments: ranges.indices)
    func `a Content-Range is taken apart`(row: Int) throws {
        let (text, range, complete) = try #require(Self.ranges[row])
        let found = try #require(ContentRange(text))
        #expect(found.range == range)
        #expect(found.completeBytes == complete)
    }

    @Test(arguments: [
        "", "bytes", "bytes ", "bytes 0-0", "bytes 0-0/", "bytes 0/1", "bytes 1-0/2", "bytes 0-1/1",
        "bytes */*",
        "items 0-0/1", "bytes -0/1", "bytes 0-/1", "bytes 0-0/1/1", "bytes 0-0-0/1", "bytes +0-0/1",
        "bytes 0x0-0/1",
        "bytes 0-18446744073709551615/*", "bytes 18446744073709551616-18446744073709551616/*", "bytes=0-0/1",
    ])
    func `anything else is no Content-Range`(text: String) {
        #expect(ContentRange(text) == nil)
    }
}
