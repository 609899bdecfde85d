internal import WireFormat

/// A SCSI command as BOT carries it: 1 to 16 bytes, of which the first is the opcode.
package struct CommandDescriptorBlock: Equatable, Sendable {
    package static let maximumByteCount = 16

    /// Bytes past ``byteCount`` are zero.
    private var storage: SIMD16<UInt8>
    package private(set) var byteCount: Int

    /// Reads up to 16 bytes; those past `byteCount` do not count, as BOT §5.1 says.
    package init(_ bytes: some Collection<UInt8>, byteCount: Int? = nil) {
        let count = byteCount ?? bytes.count
        precondition((1...Self.maximumByteCount).contains(count), "\(count) bytes of command block")
        storage = .zero
        for (index, byte) in bytes.prefix(count).enumerated() { storage[index] = byte }
        self.byteCount = count
    }

    package subscript(index: Int) -> UInt8 {
        get { storage[index] }
        set { storage[index] = newValue }
    }

    package var opcode: Opcode { Opcode(rawValue: storage[0]) }

    package func bigEndian(at index: Int, byteCount: Int) -> UInt64 {
        var value: UInt64 = 0
        for offset in 0..<byteCount { value = value << 8 | UInt64(storage[index + offset]) }
        return value
    }

    /// The bytes that count.
    package var bytes: [UInt8] { (0..<byteCount).map { storage[$0] } }

    /// The blocks that it moves or looks at; `nil` for a command without an address.
    package var blocks: (first: UInt64, count: UInt64)? {
        switch opcode {
        case .read6, .write6:
            let count = bigEndian(at: 4, byteCount: 1)
            return (bigEndian(at: 1, byteCount: 3) & 0x1F_FFFF, count == 0 ? 256 : count)
        case .read10, .write10, .verify10:
            return (bigEndian(at: 2, byteCount: 4), bigEndian(at: 7, byteCount: 2))
        case .read12, .write12, .verify12:
            return (bigEndian(at: 2, byteCount: 4), bigEndian(at: 6, byteCount: 4))
        case .read16, .write16, .verify16:
            return (bigEndian(at: 2, byteCount: 8), bigEndian(at: 10, byteCount: 4))
        default: return nil
        }
    }

    /// The same command for other blocks, as many; itself if it has no address of 32 or 64 bits.
    package func moved(to first: UInt64) -> CommandDescriptorBlock {
        var moved = self
        let width: Int
        switch opcode {
        case .read10, .write10, .verify10, .read12, .write12, .verify12: width = 4
        case .read16, .write16, .verify16: width = 8
        default: return self
        }
        for index in 0..<width {
            moved[2 + index] = UInt8(truncatingIfNeeded: first >> UInt64(8 * (width - 1 - index)))
        }
        return moved
    }

    /// The same command in a longer block: SeaBIOS and OVMF pad every command to 12 bytes.
    package func padded(to count: Int) -> CommandDescriptorBlock {
        var padded = self
        padded.byteCount = Swift.min(Self.maximumByteCount, Swift.max(byteCount, count))
        return padded
    }
}
