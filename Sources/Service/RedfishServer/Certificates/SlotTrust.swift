/// Who may vouch for the image servers of one slot.
struct SlotTrust: Equatable, Sendable {
    struct Certificate: Equatable, Sendable {
        let id: String
        let pem: String
    }

    private(set) var certificates: [Certificate] = []
    /// Whether only these count; otherwise what the BMC trusts does. A server is always verified.
    var isExclusive = false
    private var next = 1

    /// - Returns: the id of the new certificate.
    mutating func add(_ pem: String) -> String {
        defer { next += 1 }
        certificates.append(Certificate(id: "\(next)", pem: pem))
        return "\(next)"
    }

    /// One that was stored.
    mutating func restore(_ pem: String, id: Int) {
        certificates.append(Certificate(id: "\(id)", pem: pem))
        next = max(next, id + 1)
    }

    mutating func remove(_ id: String) { certificates.removeAll { $0.id == id } }
    mutating func replace(_ id: String, with pem: String) {
        if let index = certificates.firstIndex(where: { $0.id == id }) {
            certificates[index] = Certificate(id: id, pem: pem)
        }
    }

    /// For the service: PEM, or `nil` for what the BMC trusts.
    var authorities: String? {
        guard isExclusive, !certificates.isEmpty else { return nil }
        return certificates.map(\.pem).joined()
    }
}

/// One certificate as PEM (RFC 7468).
enum PEMCertificate {
    private static let begin = "-----BEGIN CERTIFICATE-----"
    private static let end = "-----END CERTIFICATE-----"
    private static let lineCharacters = 64

    /// - Returns: the text in its usual form; `nil` unless it is exactly one certificate, as far as its outer
    ///   structure tells.
    static func normalised(_ text: String) -> String? {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.filter { $0 != " " && $0 != "\t" } }
            .filter { !$0.isEmpty }
        let marks = [begin, end].map { $0.filter { $0 != " " } }
        guard lines.count > 2, lines.first == marks[0], lines.last == marks[1],
            let bytes = Base64.decode(lines[1..<(lines.count - 1)].joined()), isSequence(bytes)
        else { return nil }
        var result = begin + "\n"
        var rest = lines[1..<(lines.count - 1)].joined()[...]
        while !rest.isEmpty {
            result += rest.prefix(lineCharacters) + "\n"
            rest = rest.dropFirst(lineCharacters)
        }
        return result + end + "\n"
    }

    /// A DER SEQUENCE that is as long as it says.
    private static func isSequence(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 4, bytes[0] == 0x30 else { return false }
        let first = Int(bytes[1])
        guard first >= 0x80 else { return bytes.count == first + 2 }
        let count = first & 0x7F
        guard (1...3).contains(count), bytes.count > 2 + count else { return false }
        let length = bytes[2..<(2 + count)].reduce(0) { $0 << 8 | Int($1) }
        return bytes.count == 2 + count + length
    }
}
