import Foundation
import Glibc
import RedfishServer
import TestSupport
import Testing

@testable import FrontPlatform

struct CurlEventDeliveryTests {
    static func push(_ destination: String, _ headers: [(name: String, value: String)] = []) -> EventPush {
        EventPush(
            destination: destination, headers: headers, body: Array(#"{"Id": "1"}"#.utf8),
            verifiesCertificate: true)
    }

    @Test func `an event is posted with its headers, and any 2xx will do`() async throws {
        for status in ["200 OK", "204 No Content", "202 Accepted"] {
            let subscriber = try Subscriber(answering: [status])
            let push = Self.push("http://127.0.0.1:\(subscriber.port)/events?a=b", [("X-Key", "secret")])
            #expect(await CurlEventDelivery().post(push))
            let request = try #require(subscriber.requests.first)
            #expect(request.hasPrefix("POST /events?a=b HTTP/1.1\r\n"))
            #expect(request.contains("\r\nContent-Type: application/json\r\n"))
            #expect(request.contains("\r\nX-Key: secret\r\n"))
            #expect(request.hasSuffix(#"{"Id": "1"}"#))
        }
    }

    @Test(arguments: ["500 Oops", "404 Not Found", "302 Found", "401 Unauthorized"])
    func `any other answer is no delivery, and nobody is followed elsewhere`(status: String) async throws {
        let subscriber = try Subscriber(answering: [status])
        #expect(await !CurlEventDelivery().post(Self.push("http://127.0.0.1:\(subscriber.port)/")))
        #expect(subscriber.requests.count == 1)
    }

    @Test(arguments: ["http://127.0.0.1:1/", "ftp://127.0.0.1/", "file:///etc/passwd", "nonsense", ""])
    func `what cannot be reached is no delivery`(destination: String) async {
        #expect(await !CurlEventDelivery().post(Self.push(destination)))
    }
}
