import Foundation
import Glibc
import RedfishServer
import Synchronization
import Testing

@testable import FrontPlatform

struct CurlEventDeliveryTests {
    /// A subscriber on loopback that answers each delivery with the same status.
    final class Subscriber: Sendable {
        let port: UInt16
        private let listener: CInt
        private let received = Mutex<[String]>([])

        init(answering status: String) throws {
            listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let listener = self.listener
            let done = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, size) == 0 && listen(listener, 8) == 0
                        && getsockname(listener, $0, &size) == 0
                }
            }
            guard done else { throw POSIXError(.EIO) }
            port = UInt16(bigEndian: address.sin_port)
            Thread.detachNewThread { [weak self] in
                while true {
                    let connection = accept(listener, nil, nil)
                    guard connection >= 0 else { return }
                    self?.serve(connection, status)
                }
            }
        }

        deinit {
            shutdown(listener, CInt(SHUT_RDWR))
            close(listener)
        }

        var requests: [String] { received.withLock { $0 } }

        private func serve(_ connection: CInt, _ status: String) {
            defer { close(connection) }
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while !isWhole(bytes) {
                let count = recv(connection, &buffer, buffer.count, 0)
                guard count > 0 else { return }
                bytes += buffer.prefix(count)
            }
            received.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
            let answer = Array("HTTP/1.1 \(status)\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".utf8)
            _ = send(connection, answer, answer.count, CInt(MSG_NOSIGNAL))
        }

        private func isWhole(_ bytes: [UInt8]) -> Bool {
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.range(of: "\r\n\r\n"), let field = text.range(of: "Content-Length: ") else {
                return false
            }
            let length = Int(text[field.upperBound...].prefix { $0.isNumber }) ?? 0
            return text[end.upperBound...].utf8.count >= length
        }
    }

    static func push(_ destination: String, _ headers: [(name: String, value: String)] = []) -> EventPush {
        EventPush(
            destination: destination, headers: headers, body: Array(#"{"Id": "1"}"#.utf8),
            verifiesCertificate: true)
    }

    @Test func `an event is posted with its headers, and any 2xx will do`() async throws {
        for status in ["200 OK", "204 No Content", "202 Accepted"] {
            let subscriber = try Subscriber(answering: status)
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
        let subscriber = try Subscriber(answering: status)
        #expect(await !CurlEventDelivery().post(Self.push("http://127.0.0.1:\(subscriber.port)/")))
        #expect(subscriber.requests.count == 1)
    }

    @Test(arguments: ["http://127.0.0.1:1/", "ftp://127.0.0.1/", "file:///etc/passwd", "nonsense", ""])
    func `what cannot be reached is no delivery`(destination: String) async {
        #expect(await !CurlEventDelivery().post(Self.push(destination)))
    }
}
