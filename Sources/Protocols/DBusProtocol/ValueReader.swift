package import WireFormat

package enum ByteOrder: UInt8, Sendable {
    case little = 0x6C  // "l"
    case big = 0x42  // "B"
}

/// Reads marshalled values (D-Bus specification, "Marshaling"). Alignment counts from the first byte
/// given, which must sit at a multiple of eight in its message.
package struct ValueReader {
    private let bytes: Bytes
    private let order: ByteOrder
    /// Descriptors that came with the message; an index at or over it is invalid.
    private let descriptorCount: Int
    private(set) var position: Int
    private var end: Int

    package init(_ bytes: Bytes, order: ByteOrder, descriptorCount: Int = 0) {
        self.bytes = bytes
        self.order = order
        self.descriptorCount = descriptorCount
        position = bytes.startIndex
        end = bytes.endIndex
    }

    package var isAtEnd: Bool { position == end }

    mutating func align(to alignment: Int) throws(WireViolation) {
        let offset = position - bytes.startIndex
        let padding = (alignment - offset % alignment) % alignment
        guard padding <= end - position else { throw WireViolation("padding runs past the end") }
        for _ in 0..<padding {
            guard bytes[position] == 0 else { throw WireViolation("padding byte is not zero") }
            position += 1
        }
    }

    mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self)
        throws(WireViolation) -> Integer
    {
        let byteCount = MemoryLayout<Integer>.size
        try align(to: byteCount)
        guard byteCount <= end - position else {
            throw WireViolation("\(byteCount)-byte number runs past the end")
        }
        var field = bytes[position..<position + byteCount]
        position += byteCount
        return order == .little ? field.takeLittleEndian() : field.takeBigEndian()
    }

    mutating func boolean() throws(WireViolation) -> Bool {
        let number = try integer(UInt32.self)
        guard number <= 1 else { throw WireViolation("boolean is \(number), not 0 or 1") }
        return number == 1
    }

    mutating func string() throws(WireViolation) -> String {
        let text = try terminated(byteCount: Int(try integer(UInt32.self)))
        guard !text.contains(0) else { throw WireViolation("string holds a NUL") }
        guard let string = String(validating: text, as: UTF8.self) else {
            throw WireViolation("string is not UTF-8")
        }
        return string
    }

    mutating func objectPath() throws(WireViolation) -> String {
        let text = try terminated(byteCount: Int(try integer(UInt32.self)))
        guard Names.isObjectPath(utf8: text) else { throw WireViolation("object path is malformed") }
        return String(decoding: text, as: UTF8.self)
    }

    mutating func signature() throws(WireViolation) -> (text: String, types: [TypeNode]) {
        let text = try terminated(byteCount: Int(try integer(UInt8.self)))
        let types = try Signature.types(text)
        return (String(decoding: text, as: UTF8.self), types)
    }

    mutating func descriptorIndex() throws(WireViolation) -> UInt32 {
        let index = try integer(UInt32.self)
        guard Int(index) < descriptorCount else {
            throw WireViolation("descriptor index \(index) of \(descriptorCount)")
        }
        return index
    }

    /// Enters an array: reads its length, and narrows the reader to its elements.
    ///
    /// - Returns: the end of what held the array, for ``leave(_:)``.
    mutating func enterArray(of element: TypeNode) throws(WireViolation) -> Int {
        let byteCount = Int(try integer(UInt32.self))
        guard byteCount <= WireLimits.arrayBytes else {
            throw WireViolation("array of \(byteCount) bytes is over 64 MiB")
        }
        try align(to: element.alignment)
        guard byteCount <= end - position else { throw WireViolation("array runs past the end") }
        if let elementBytes = element.fixedByteCount, !byteCount.isMultiple(of: elementBytes) {
            throw WireViolation("array of \(byteCount) bytes cut into elements of \(elementBytes)")
        }
        let outerEnd = end
        end = position + byteCount
        return outerEnd
    }

    mutating func leave(_ outerEnd: Int) { end = outerEnd }

    mutating func skipBytes(_ byteCount: Int) { position += byteCount }

    var remainingBytes: Int { end - position }

    private mutating func terminated(byteCount: Int) throws(WireViolation) -> Bytes {
        // The terminating NUL is not counted, so a string needs one byte more than its length.
        guard byteCount < end - position else { throw WireViolation("string runs past the end") }
        let text = bytes[position..<position + byteCount]
        guard bytes[position + byteCount] == 0 else {
            throw WireViolation("string does not end with NUL")
        }
        position += byteCount + 1
        return text
    }
}
