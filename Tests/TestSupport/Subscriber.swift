import Foundation
import Synchronization
import Testing

/// Somebody on loopback who answers each request with the next status, the last one from then on.
package final class Subscriber: Sendable {
    package let port: UInt16
    private let listener: CInt
    private let received = Mutex<[String]>([])

    package init(answering statuses: [String]) throws {
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = self.listener
        let isDone = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, $0, &size) == 0
            }
        }
        guard isDone else { throw POSIXError(.EIO) }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                self?.serve(connection, statuses)
            }
        }
    }

    deinit {
        shutdown(listener, CInt(SHUT_RDWR))
        close(listener)
    }

    package var requests: [String] { received.withLock { $0 } }

    package func wait(for count: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while requests.count < count {
            try #require(ContinuousClock.now < deadline, "\(requests)")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func serve(_ connection: CInt, _ statuses: [String]) {
        defer { close(connection) }
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !Self.isWhole(text) {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            text += String(decoding: buffer.prefix(count), as: UTF8.self)
        }
        let number = received.withLock { received in
            received.append(text)
            return received.count
        }
        let status = statuses[min(number, statuses.count) - 1]
        let answer = Array("HTTP/1.1 \(status)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
        _ = send(connection, answer, answer.count, CInt(MSG_NOSIGNAL))
    }

    private static func isWhole(_ text: String) -> Bool {
        guard let end = text.range(of: "\r\n\r\n"), let field = text.range(of: "Content-Length: ") else {
            return false
        }
        let length = Int(text[field.upperBound...].prefix { $0.isNumber }) ?? 0
        return text[end.upperBound...].utf8.count >= length
    }
}
