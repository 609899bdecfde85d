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

    /// The same command in a longer block: SeaBIOS and OVMF pad every command to 12 bytes.
    package func padded(to count: Int) -> CommandDescriptorBlock {
        var padded = self
        padded.byteCount = Swift.min(Self.maximumByteCount, Swift.max(byteCount, count))
        return padded
    }
}
