package import HTTPTypes
package import WireFormat

/// What a web server serves; knows nothing of sockets, TLS or versions of HTTP.
package protocol WebApplication: Sendable {
    /// Never throws: whatever is wrong with a request is said in the answer.
    func answer(_ request: WebRequest) async -> WebAnswer
    /// Decides on a request to change over to a WebSocket (RFC 6455 §4.2).
    func openWebSocket(_ request: WebRequest) async -> WebSocketDecision
}

/// A request, whole.
package struct WebRequest: Sendable {
    package var head: HTTPRequest
    package var body: [UInt8]
    /// The other end's address as text, without its port: "127.0.0.1", "fe80::1".
    package var peer: String

    package init(_ head: HTTPRequest, body: [UInt8] = [], peer: String) {
        self.head = head
        self.body = body
        self.peer = peer
    }
}

package struct WebAnswer: Sendable {
    package var head: HTTPResponse
    package var body: Body

    package enum Body: Sendable {
        case bytes([UInt8])
        /// Sent piece by piece as the peer takes them; ends when the sequence does, and is cancelled when the
        /// peer leaves.
        case pieces(any WebPieces)
    }

    package init(_ head: HTTPResponse, body: Body = .bytes([])) {
        self.head = head
        self.body = body
    }
}

/// A body without an end that is known beforehand, as server-sent events are.
package protocol WebPieces: Sendable {
    /// - Returns: the next piece; `nil` at the end, or when the task is cancelled.
    func next() async -> [UInt8]?
}

package enum WebSocketDecision: Sendable {
    case refused(WebAnswer)
    case accepted(WebSocketService)
}

/// What happens on a WebSocket.
package struct WebSocketService: Sendable {
    /// Which of the subprotocols that the client offered is taken; `nil`: none.
    package var subprotocol: String?
    /// Returns when nothing more is to happen; the connection is closed then, if it was not.
    package var serve: @Sendable (any WebSocketLink) async -> Void

    package init(subprotocol: String? = nil, serve: @escaping @Sendable (any WebSocketLink) async -> Void) {
        self.subprotocol = subprotocol
        self.serve = serve
    }
}

/// A WebSocket, open. Pings, pongs and the bounds of messages are not seen here: bytes arrive in order.
package protocol WebSocketLink: AnyObject, Sendable {
    /// Waits for bytes; what is not taken is not read from the peer either, up to a named limit.
    ///
    /// - Returns: what has come, in order; empty once the peer has closed, see ``closing``.
    func receive() async -> [Bytes]
    /// Sends one binary message; waits while the peer does not take more.
    ///
    /// - Throws: when the connection has ended.
    func send(_ message: [UInt8]) async throws(WebSocketEnded)
    /// Ends the connection, in both directions; harmless when repeated.
    ///
    /// - Parameter reason: for people, 123 bytes of UTF-8 at most; more is cut.
    func close(_ code: WebSocketCloseCode, _ reason: String) async
    /// How the peer closed; `nil` until it has, and if it left without a word.
    var closing: WebSocketCloseCode? { get }
}

package struct WebSocketEnded: Error, Equatable {
    package init() {}
}

/// RFC 6455 §7.4, and our own from 4000 on.
package struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let normal = Self(rawValue: 1000)
    package static let goingAway = Self(rawValue: 1001)
    package static let protocolError = Self(rawValue: 1002)
    package static let unsupportedData = Self(rawValue: 1003)
    package static let messageTooBig = Self(rawValue: 1009)
    package static let internalError = Self(rawValue: 1011)
    /// Connect again: what was here goes on.
    package static let serviceRestart = Self(rawValue: 1012)
}
