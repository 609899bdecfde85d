internal import WireFormat

/// Replies that tell how large the medium is.
enum Capacity {
    /// SBC-3 §5.15: last block u32, block length u32.
    static func read10(_ block: CommandDescriptorBlock, medium: Medium) throws(CommandRefusal) -> [UInt8] {
        try checkAddress(block.bigEndian(at: 2, byteCount: 4), partial: block[8])
        var reply: [UInt8] = []
        // FFFFFFFF sends the host to READ CAPACITY(16).
        reply.appendBigEndian(UInt32(clamping: medium.blockCount - 1))
        reply.appendBigEndian(UInt32(medium.blockByteCount))
        return reply
    }

    /// SBC-3 §5.16: last block u64, block length u32, 20 bytes of which none applies.
    static func read16(_ block: CommandDescriptorBlock, medium: Medium) throws(CommandRefusal) -> [UInt8] {
        try checkAddress(block.bigEndian(at: 2, byteCount: 8), partial: block[14])
        var reply: [UInt8] = []
        reply.appendBigEndian(medium.blockCount - 1)
        reply.appendBigEndian(UInt32(medium.blockByteCount))
        return reply + [UInt8](repeating: 0, count: 20)
    }

    /// MMC-6 §6.24: the current capacity and nothing to format to.
    static func formats(medium: Medium, profile: GadgetConfiguration.Profile) -> [UInt8] {
        var reply: [UInt8] = [0, 0, 0, 8]
        // Of a larger medium the kernel tells the lower 32 bits.
        reply.appendBigEndian(
            profile == .strict
                ? UInt32(clamping: medium.blockCount) : UInt32(truncatingIfNeeded: medium.blockCount))
        // Descriptor type 2, formatted medium, shares its word with the block length.
        reply.appendBigEndian(0x0200_0000 | UInt32(medium.blockByteCount))
        return reply
    }

    private static func checkAddress(_ address: UInt64, partial: UInt8) throws(CommandRefusal) {
        guard partial <= 1, partial == 1 || address == 0 else { throw .sense(.invalidFieldInCommand) }
    }
}
