package import HTTPTypes

/// Where a request comes from.
package struct Peer: Equatable, Sendable {
    /// The IP address as text, without a port.
    package var address: String
    package init(address: String) { self.address = address }
}

/// What a request is answered with. The shell adds what belongs to the connection: Date, Content-Length,
/// Connection; and leaves out the body of an answer to HEAD, whose head is complete.
package struct Answer: Sendable {
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Server-sent events: the shell takes the next piece when it has written the last.
        case events(EventStream)
    }
    package var head: HTTPResponse
    package var body: Body

    package init(_ head: HTTPResponse, _ body: Body) {
        self.head = head
        self.body = body
    }

    package var bytes: [UInt8] { if case .bytes(let bytes) = body { bytes } else { [] } }
}

extension HTTPField.Name {
    package static let authToken = Self("X-Auth-Token")!
    package static let crossSiteToken = Self("X-XSRF-TOKEN")!
    package static let odataVersion = Self("OData-Version")!
    package static let link = Self("Link")!
    package static let frameOptions = Self("X-Frame-Options")!
    package static let referrerPolicy = Self("Referrer-Policy")!
    package static let webSocketProtocol = Self("Sec-WebSocket-Protocol")!
}
