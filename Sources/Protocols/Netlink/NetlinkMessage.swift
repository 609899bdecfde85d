package import WireFormat

/// A netlink message (netlink(7)), every number in the byte order of the machine:
///
///     | length u32 | kind u16 | flags u16 | sequence u32 | port u32 | payload |
///
/// `length` counts the header; the next message begins at a multiple of 4 bytes.
package struct NetlinkMessage: Equatable, Sendable {
    package static let headerByteCount = 16
    /// Longer than anything that the kernel sends to us.
    package static let maximumByteCount = 1 << 16

    package struct Kind: RawRepresentable, Equatable, Sendable {
        package var rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        package static let nothing = Kind(rawValue: 1)
        /// The outcome of a request: an errno, negated, then the request's header; 0 acknowledges.
        package static let error = Kind(rawValue: 2)
        /// The last part of an answer in several.
        package static let done = Kind(rawValue: 3)
        package static let overrun = Kind(rawValue: 4)
    }

    package struct Flags: OptionSet, Equatable, Sendable {
        package var rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        package static let request = Flags(rawValue: 0x01)
        package static let acknowledge = Flags(rawValue: 0x04)
    }

    package var kind: Kind
    package var flags: Flags
    /// Chosen by who asks, echoed in every part of the answer; 0 in what nobody asked for.
    package var sequence: UInt32
    /// Whom the message is from; 0 is the kernel.
    package var port: UInt32
    package var payload: [UInt8]

    package init(
        kind: Kind, flags: Flags = [], sequence: UInt32 = 0, port: UInt32 = 0, payload: [UInt8] = []
    ) {
        self.kind = kind
        self.flags = flags
        self.sequence = sequence
        self.port = port
        self.payload = payload
    }

    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendHostOrder(UInt32(Self.headerByteCount + payload.count))
        bytes.appendHostOrder(kind.rawValue)
        bytes.appendHostOrder(flags.rawValue)
        bytes.appendHostOrder(sequence)
        bytes.appendHostOrder(port)
        bytes += payload
        bytes.pad(toMultipleOf: 4)
        return bytes
    }

    /// Takes one message, and what fills up its last four bytes, off the front of `buffer`.
    ///
    /// - Returns: `nil`, with `buffer` untouched, until all of it is there.
    /// - Throws: ``NetlinkViolation/badLength(_:)`` for a length that no message has.
    package static func decode(from buffer: inout Bytes) throws(NetlinkViolation) -> NetlinkMessage? {
        guard buffer.count >= headerByteCount else { return nil }
        var header = buffer.prefix(headerByteCount)
        let byteCount = Int(header.takeHostOrder(as: UInt32.self))
        guard (headerByteCount...maximumByteCount).contains(byteCount) else {
            throw .badLength(byteCount)
        }
        guard buffer.count >= byteCount else { return nil }
        let message = NetlinkMessage(
            kind: Kind(rawValue: header.takeHostOrder()), flags: Flags(rawValue: header.takeHostOrder()),
            sequence: header.takeHostOrder(), port: header.takeHostOrder(),
            payload: Array(buffer.prefix(byteCount).dropFirst(headerByteCount)))
        buffer.removeFirst(min(byteCount.roundedUp(toMultipleOf: 4), buffer.count))
        return message
    }
}

/// The kernel's side of a netlink conversation does not make sense.
package enum NetlinkViolation: Error, Equatable, Sendable {
    /// Of a message, in bytes.
    case badLength(Int)
    /// Of an attribute, in bytes; what is left holds `available`.
    case badAttributeLength(Int, available: Int)
    /// An attribute or a message is shorter than what it has to hold.
    case tooShort(String)
    /// What must be in an answer is not.
    case missing(String)
}

extension NetlinkViolation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .badLength(let count): "netlink message of \(count) bytes"
        case .badAttributeLength(let count, let available):
            "netlink attribute of \(count) bytes where \(available) are left"
        case .tooShort(let what): "netlink: \(what) is too short"
        case .missing(let what): "netlink: the answer has no \(what)"
        }
    }
}

extension Int {
    func roundedUp(toMultipleOf step: Int) -> Int { (self + step - 1) / step * step }
}

extension Array<UInt8> {
    mutating func pad(toMultipleOf step: Int) {
        append(contentsOf: repeatElement(0, count: count.roundedUp(toMultipleOf: step) - count))
    }
}
