internal import WireFormat

/// A CD with one data track, as READ TOC and READ HEADER tell of it (MMC-6 §6.26).
enum TableOfContents {
    static let leadOut: UInt8 = 0xAA
    /// Control 6, data track with copying allowed; ADR 1.
    private static let dataTrack: UInt8 = 0x16

    static func reply(
        _ block: CommandDescriptorBlock, medium: Medium, profile: GadgetConfiguration.Profile
    ) throws(CommandRefusal) -> [UInt8] {
        let isTime = block[1] & 0x02 != 0
        var format = block[2] & 0x0F
        let track = block[6]
        let asksLeadOut = profile == .strict && track == leadOut && format == 0
        guard block[1] & 0x1F & ~0x02 == 0, track <= 1 || format == 1 || asksLeadOut else {
            throw .sense(.invalidFieldInCommand)
        }
        // SFF-8020i had the format in the top bits of byte 9; macOS still sends it there.
        if format == 0 { format = block[9] >> 6 }
        switch format {
        case 0, 1:
            let first = descriptor(track: 1, at: 0, isTime: isTime, profile)
            let last = descriptor(track: leadOut, at: medium.blockCount, isTime: isTime, profile)
            if profile == .strict, format == 1 { return [0, 10, 1, 1] + first }
            return asksLeadOut ? [0, 10, 1, 1] + last : [0, 18, 1, 1] + first + last
        case 2: return raw(medium: medium, isTime: isTime || profile == .strict, profile)
        default: throw .sense(.invalidFieldInCommand)
        }
    }

    /// READ HEADER (MMC-2 §9.1.13): mode 1, and the address in the form asked for.
    static func header(
        _ block: CommandDescriptorBlock, medium: Medium, profile: GadgetConfiguration.Profile
    ) throws(CommandRefusal) -> [UInt8] {
        guard block[1] & 0x1F & ~0x02 == 0 else { throw .sense(.invalidFieldInCommand) }
        let address = block.bigEndian(at: 2, byteCount: 4)
        guard address < medium.blockCount else { throw .sense(.blockAddressOutOfRange) }
        return [1, 0, 0, 0] + position(address, isTime: block[1] & 0x02 != 0, profile)
    }

    private static func descriptor(
        track: UInt8, at block: UInt64, isTime: Bool, _ profile: GadgetConfiguration.Profile
    ) -> [UInt8] {
        [0, dataTrack, track, 0] + position(block, isTime: isTime, profile)
    }

    /// Format 2: points A0 (first track), A1 (last track) and A2 (lead-out) of session 1.
    private static func raw(
        medium: Medium, isTime: Bool, _ profile: GadgetConfiguration.Profile
    ) -> [UInt8] {
        var bytes: [UInt8] = [0, 35, 1, 1]
        for point: UInt8 in 0xA0...0xA1 {
            bytes += [1, dataTrack, 0, point, 0, 0, 0, 0, 1, 0, 0]
        }
        return bytes + [1, dataTrack, 0, 0xA2, 0, 0, 0] + position(medium.blockCount, isTime: isTime, profile)
    }

    /// A block address, or minute, second and frame counted from the lead-in two seconds before. From 256
    /// minutes on the kernel begins again at 0; the strict profile stays at the last frame before.
    static func position(
        _ block: UInt64, isTime: Bool, _ profile: GadgetConfiguration.Profile
    ) -> [UInt8] {
        guard isTime else {
            var bytes: [UInt8] = []
            bytes.appendBigEndian(UInt32(clamping: block))
            return bytes
        }
        let frames = profile == .strict ? min(block + 150, 256 * 60 * 75 - 1) : block + 150
        return [
            0, UInt8(truncatingIfNeeded: frames / (60 * 75)), UInt8(frames / 75 % 60), UInt8(frames % 75),
        ]
    }
}
