package import WireFormat

/// One attribute of a netlink message (netlink(7)):
///
///     | length u16 | kind u16 | value |
///
/// `length` counts the header but not what fills up the last four bytes. The two top bits of `kind`
/// say how to read the value, and are dropped in decoding.
package struct NetlinkAttribute: Equatable, Sendable {
    static let headerByteCount = 4
    private static let kindMask: UInt16 = 0x3FFF
    private static let isNested: UInt16 = 0x8000

    package var kind: UInt16
    package var value: [UInt8]
    private let hasAttributes: Bool

    package static func == (one: NetlinkAttribute, other: NetlinkAttribute) -> Bool {
        one.kind == other.kind && one.value == other.value
    }

    /// - Precondition: the value has at most 65,531 bytes.
    package init(_ kind: UInt16, bytes: [UInt8]) {
        self.init(kind, value: bytes, hasAttributes: false)
    }

    package init(_ kind: UInt16, _ number: some FixedWidthInteger & UnsignedInteger) {
        var value: [UInt8] = []
        value.appendHostOrder(number)
        self.init(kind, value: value, hasAttributes: false)
    }

    /// Text, with the NUL that ends it.
    package init(_ kind: UInt16, _ text: String) {
        self.init(kind, value: Array(text.utf8) + [0], hasAttributes: false)
    }

    package init(_ kind: UInt16, _ attributes: [NetlinkAttribute]) {
        var value: [UInt8] = []
        for attribute in attributes { attribute.encode(into: &value) }
        self.init(kind, value: value, hasAttributes: true)
    }

    private init(_ kind: UInt16, value: [UInt8], hasAttributes: Bool) {
        precondition(
            Self.headerByteCount + value.count <= Int(UInt16.max), "attribute of \(value.count) bytes")
        self.kind = kind & Self.kindMask
        self.value = value
        self.hasAttributes = hasAttributes
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.appendHostOrder(UInt16(Self.headerByteCount + value.count))
        bytes.appendHostOrder(kind | (hasAttributes ? Self.isNested : 0))
        bytes += value
        bytes.pad(toMultipleOf: 4)
    }

    /// - Throws: ``NetlinkViolation/badAttributeLength(_:available:)``, also for a header cut short.
    package static func decodeAll(_ bytes: Bytes) throws(NetlinkViolation) -> [NetlinkAttribute] {
        var rest = bytes
        var attributes: [NetlinkAttribute] = []
        while !rest.isEmpty {
            let available = rest.count
            guard available >= headerByteCount else {
                throw .badAttributeLength(available, available: available)
            }
            var header = rest.prefix(headerByteCount)
            let byteCount = Int(header.takeHostOrder(as: UInt16.self))
            guard (headerByteCount...available).contains(byteCount) else {
                throw .badAttributeLength(byteCount, available: available)
            }
            let kind = header.takeHostOrder(as: UInt16.self)
            attributes.append(
                NetlinkAttribute(
                    kind, value: Array(rest.prefix(byteCount).dropFirst(headerByteCount)),
                    hasAttributes: kind & isNested != 0))
            rest.removeFirst(min(byteCount.roundedUp(toMultipleOf: 4), available))
        }
        return attributes
    }

    // MARK: Values

    /// The attributes inside.
    package func attributes() throws(NetlinkViolation) -> [NetlinkAttribute] {
        try Self.decodeAll(value[...])
    }

    /// - Throws: ``NetlinkViolation/tooShort(_:)``; what is longer is cut, as the kernel does.
    package func number<Number: FixedWidthInteger>(as type: Number.Type = Number.self)
        throws(NetlinkViolation) -> Number
    {
        guard value.count >= MemoryLayout<Number>.size else { throw .tooShort("attribute \(kind)") }
        var bytes = value[...]
        return bytes.takeHostOrder(as: type)
    }

    /// Up to the first NUL, or to the end.
    package var text: String { String(decoding: value.prefix { $0 != 0 }, as: UTF8.self) }
}

extension [NetlinkAttribute] {
    /// The first of a kind.
    package subscript(kind kind: UInt16) -> NetlinkAttribute? { first { $0.kind == kind } }
}
