/// A view of bytes that a decoder eats from the front. Slicing shares storage; nothing is copied.
package typealias Bytes = ArraySlice<UInt8>

extension ArraySlice<UInt8> {
    /// Takes a big-endian integer off the front.
    ///
    /// - Precondition: enough bytes are there; a decoder checks its fixed length once, up front.
    @inlinable
    package mutating func takeBigEndian<Integer: FixedWidthInteger>(
        as type: Integer.Type = Integer.self
    ) -> Integer {
        Integer(bigEndian: takeRaw(as: type))
    }

    /// Takes a little-endian integer off the front, under the same precondition.
    @inlinable
    package mutating func takeLittleEndian<Integer: FixedWidthInteger>(
        as type: Integer.Type = Integer.self
    ) -> Integer {
        Integer(littleEndian: takeRaw(as: type))
    }

    /// Takes an integer in the byte order of this machine off the front, under the same precondition.
    @inlinable
    package mutating func takeHostOrder<Integer: FixedWidthInteger>(
        as type: Integer.Type = Integer.self
    ) -> Integer {
        takeRaw(as: type)
    }

    /// Takes exactly `byteCount` bytes off the front, or nothing and `nil` when fewer are there.
    @inlinable
    package mutating func take(_ byteCount: Int) -> ArraySlice<UInt8>? {
        guard byteCount >= 0, count >= byteCount else { return nil }
        defer { removeFirst(byteCount) }
        return prefix(byteCount)
    }

    @inlinable
    mutating func takeRaw<Integer: FixedWidthInteger>(as type: Integer.Type) -> Integer {
        let byteCount = MemoryLayout<Integer>.size
        precondition(count >= byteCount, "\(byteCount) bytes wanted, \(count) left")
        let value = withUnsafeBytes { $0.loadUnaligned(as: Integer.self) }
        removeFirst(byteCount)
        return value
    }
}

extension Array<UInt8> {
    @inlinable
    package mutating func appendBigEndian<Integer: FixedWidthInteger>(_ value: Integer) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    @inlinable
    package mutating func appendLittleEndian<Integer: FixedWidthInteger>(_ value: Integer) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    @inlinable
    package mutating func appendHostOrder<Integer: FixedWidthInteger>(_ value: Integer) {
        Swift.withUnsafeBytes(of: value) { append(contentsOf: $0) }
    }
}
