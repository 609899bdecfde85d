/// The gzip format (RFC 1952) around blocks that are not compressed (RFC 1951 §3.2.4): any client can
/// decode it, and it takes no time.
struct StoredGzip {
    private var sum: UInt32 = 0xFFFF_FFFF
    private var byteCount: UInt32 = 0

    static let head: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
    private static let maximumBlockBytes = 0xFFFF

    mutating func encode(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(bytes.count + bytes.count / Self.maximumBlockBytes * 5 + 5)
        var rest = bytes[...]
        while !rest.isEmpty {
            let block = rest.prefix(Self.maximumBlockBytes)
            Self.appendBlock(block.count, isLast: false, to: &encoded)
            encoded.append(contentsOf: block)
            rest = rest.dropFirst(block.count)
        }
        for byte in bytes { sum = sum >> 8 ^ Self.table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] }
        byteCount &+= UInt32(truncatingIfNeeded: bytes.count)
        return encoded
    }

    /// An empty last block, the sum and the length.
    func end() -> [UInt8] {
        var encoded: [UInt8] = []
        Self.appendBlock(0, isLast: true, to: &encoded)
        for number in [~sum, byteCount] {
            encoded += (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        }
        return encoded
    }

    private static func appendBlock(_ count: Int, isLast: Bool, to encoded: inout [UInt8]) {
        let length = UInt16(count)
        encoded.append(isLast ? 1 : 0)
        for number in [length, ~length] {
            encoded += [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)]
        }
    }

    /// CRC-32 (RFC 1952 §8).
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
    }
}
