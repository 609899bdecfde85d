/// Cuts a byte stream into the lines of the authentication protocol.
struct AuthenticationLines {
    /// Longest line, and most bytes that may wait for a line's end. dbus-daemon's limit.
    static let lineBytes = 16_384

    private(set) var waiting: [UInt8] = []

    mutating func append(_ bytes: some Collection<UInt8>) { waiting.append(contentsOf: bytes) }

    mutating func takeByte() -> UInt8? { waiting.isEmpty ? nil : waiting.removeFirst() }

    /// The next line without its CR LF.
    mutating func next() throws(WireViolation) -> String? {
        guard let end = waiting.firstIndex(of: UInt8(ascii: "\n")) else {
            guard waiting.count <= Self.lineBytes else { throw tooLong() }
            return nil
        }
        guard end <= Self.lineBytes else { throw tooLong() }
        var line = waiting[..<end]
        guard line.popLast() == UInt8(ascii: "\r") else {
            throw WireViolation("authentication line does not end with CR LF")
        }
        guard line.allSatisfy({ $0 < 0x80 && $0 != 0 }) else {
            throw WireViolation("authentication line is not ASCII")
        }
        let text = String(decoding: line, as: UTF8.self)
        waiting.removeFirst(end + 1)
        return text
    }

    mutating func takeRest() -> [UInt8] {
        defer { waiting = [] }
        return waiting
    }

    private func tooLong() -> WireViolation {
        WireViolation("authentication line is over \(Self.lineBytes) bytes")
    }
}

/// Authentication mechanisms (D-Bus specification, "Authentication mechanisms").
package enum AuthenticationMechanism: String, CaseIterable, Sendable {
    /// The socket itself proves who the peer is.
    case external = "EXTERNAL"
    case anonymous = "ANONYMOUS"
}
