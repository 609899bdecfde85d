/// Sixteen bytes, drawn for each boot, with which a session begins in either direction.
///
/// The port outlives those who use it: when an operator goes away in the middle of a frame, the next one's
/// first bytes come right behind it, and what the agent had begun to say to the first reaches the second.
/// Both ends therefore look for the token in everything that arrives. Nobody else knows it, so no data holds
/// it by chance.
package struct SessionToken: Equatable, Sendable {
    package static let byteCount = 16
    package let bytes: [UInt8]

    /// - Precondition: 16 bytes.
    package init(_ bytes: [UInt8]) {
        precondition(bytes.count == Self.byteCount, "\(bytes.count) bytes")
        self.bytes = bytes
    }
}

/// Finds the token in a stream, wherever chunks are cut.
package struct TokenScanner: Sendable {
    private let token: SessionToken
    /// The last bytes of what came before; fewer than the token has.
    private var tail: [UInt8] = []

    package init(_ token: SessionToken) { self.token = token }

    /// - Returns: how many bytes of `chunk` go up to the end of the last token that is complete in it;
    ///   `nil` without one.
    package mutating func endOfLastToken(in chunk: some Collection<UInt8>) -> Int? {
        let bytes = tail + chunk
        var end: Int?
        var index = 0
        while index + SessionToken.byteCount <= bytes.count {
            if bytes[index] == token.bytes[0], bytes[index...].starts(with: token.bytes) {
                end = index + SessionToken.byteCount
            }
            index += 1
        }
        let earlier = tail.count
        tail = Array(bytes.suffix(SessionToken.byteCount - 1))
        return end.map { $0 - earlier }
    }
}
