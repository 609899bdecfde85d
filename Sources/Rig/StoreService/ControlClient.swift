import Glibc

/// Speaks to the control interface of a running store.
package struct ControlClient: Sendable {
    /// The longest answer: a log of all that is kept.
    package static let maximumAnswerBytes = 64 << 20
    /// Within this an answer has come, or there is none.
    package static let timeout = Duration.seconds(30)

    private let address: ControlAddress
    package init(_ address: ControlAddress) { self.address = address }

    /// - Throws: when nobody answers.
    package func send(_ request: ControlRequest) throws(StoreFailure) -> (status: Int, body: String) {
        let descriptor = address.newSocket()
        guard descriptor >= 0 else { throw StoreFailure("make a socket", errno: errno) }
        defer { close(descriptor) }
        var time = timeval(tv_sec: Int(Self.timeout.components.seconds), tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        guard address.withSocketAddress({ connect(descriptor, $0, $1) }) == 0 else {
            throw StoreFailure(
                "no store answers at \(address) (\(String(cString: strerror(errno)))); name it with --control"
            )
        }
        let query = request.query.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: "&")
        let head = """
            \(request.method) \(request.path)\(query.isEmpty ? "" : "?\(query)") HTTP/1.1\r
            Host: localhost\r
            Content-Length: \(request.body.count)\r
            Connection: close\r
            \r

            """
        var rest = (Array(head.utf8) + request.body)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw StoreFailure("send to \(address)", errno: errno) }
            rest.removeFirst(count)
        }
        return try Self.parse(receive(descriptor), from: address)
    }

    private func receive(_ descriptor: CInt) throws(StoreFailure) -> [UInt8] {
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 { return answer }
            guard count > 0, answer.count <= Self.maximumAnswerBytes else {
                throw StoreFailure("receive from \(address)", errno: count < 0 ? errno : EMSGSIZE)
            }
            answer += buffer[..<count]
        }
    }

    private static func parse(_ answer: [UInt8], from address: ControlAddress) throws(StoreFailure) -> (
        Int, String
    ) {
        let text = String(decoding: answer, as: UTF8.self)
        let words = text.prefix { $0 != "\r\n" }.split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]),
            let end = text.firstRange(of: "\r\n\r\n")
        else { throw StoreFailure("\(address) does not answer as a store") }
        return (status, String(text[end.upperBound...]))
    }
}
