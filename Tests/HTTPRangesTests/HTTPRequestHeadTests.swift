import TestSupport
import Testing

@testable import HTTPRanges

struct HTTPRequestHeadTests {
    static let request = "GET /disk.img?x HTTP/1.1\r\nHost: h\r\nRange:  bytes=0-1\t\r\n\r\nnext"

    @Test(arguments: 0..<(request.utf8.count - 4))
    func `a head that has not ended waits for more`(byteCount: Int) {
        #expect(HTTPRequestHead.parse(Array(Self.request.utf8).prefix(byteCount)) == .incomplete)
    }

    @Test func `a whole head is taken, and no byte behind it`() throws {
        guard case .complete(let head, let byteCount) = HTTPRequestHead.parse(Array(Self.request.utf8)[...])
        else {
            Issue.record("not complete")
            return
        }
        #expect(byteCount == Self.request.utf8.count - 4)
        #expect(head.method == "GET" && head.target == "/disk.img?x")
        #expect(head.value("range") == "bytes=0-1")
        #expect(head.keepsAlive)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", true), ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false), ("GET / HTTP/1.1\n\n", true),
    ])
    func `a connection is kept as its version says`(text: String, isKept: Bool) {
        guard case .complete(let head, _) = HTTPRequestHead.parse(Array(text.utf8)[...]) else {
            Issue.record("not complete")
            return
        }
        #expect(head.keepsAlive == isKept)
    }

    @Test(arguments: [
        "GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET x HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nA b: c\r\n\r\n", "GET / HTTP/1.1\r\n: c\r\n\r\n",
        "GET / HTTP/1.1\r\n a: c\r\n\r\n",
        "GET /\0 HTTP/1.1\r\n\r\n", "GET /ü HTTP/1.1\r\n\r\n", "\r\n\r\n", "GET / HTTP/1.1\r\nHost\r\n\r\n",
    ])
    func `a malformed head is refused`(text: String) {
        #expect(HTTPRequestHead.parse(Array(text.utf8)[...]) == .refused(status: 400))
    }

    @Test func `a head over the limit is refused before it ends`() {
        let bytes = Array(repeating: UInt8(ascii: "x"), count: HTTPRequestHead.maximumBytes)
        #expect(HTTPRequestHead.parse(bytes.dropLast()) == .incomplete)
        #expect(HTTPRequestHead.parse(bytes[...]) == .refused(status: 431))
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `random bytes never trap`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var bytes = Array(Self.request.utf8)
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            if case .complete(let head, let count) = HTTPRequestHead.parse(bytes[...]) {
                #expect(count <= bytes.count && head.target.hasPrefix("/"))
            }
        }
    }

    @Test(
        arguments: [
            ("", []), ("Zg==", [0x66]), ("Zm8=", [0x66, 0x6F]), ("Zm9v", [0x66, 0x6F, 0x6F]),
            ("+/+/", [0xFB, 0xFF, 0xBF]),
            ("Zg=", nil), ("Z===", nil), ("Zg\n=", nil), ("Zm9v!", nil),
        ] as [(String, [UInt8]?)])
    func `base64 is RFC 4648's`(text: String, expected: [UInt8]?) {
        #expect(Base64.decoded(text) == expected)
    }
}
