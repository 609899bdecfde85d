/// The peer broke the NBD protocol; the connection cannot go on.
package enum ProtocolViolation: Error, Equatable, Sendable {
    case badMagic(found: UInt64, expected: UInt64)
    /// Any other broken rule: lower case, no full stop, the value at fault and the section.
    case broken(rule: String)
}

extension ProtocolViolation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .badMagic(let found, let expected):
            "NBD peer lost framing: magic 0x\(String(found, radix: 16)), expected 0x\(String(expected, radix: 16))"
        case .broken(let rule): "NBD peer broke the protocol: \(rule)"
        }
    }
}
