internal import WireFormat

/// What an optical drive is asked besides reading (MMC-6): the strict profile answers as a CD-ROM, or
/// with more blocks than a CD can have, as a DVD-ROM drive with a finished disc of one track.
enum OpticalReplies {
    private static let cdROM: UInt16 = 0x0008
    private static let dvdROM: UInt16 = 0x0010
    /// 99 minutes and 59 seconds, less the lead-in: the last address that a CD has.
    private static let longestCD: UInt64 = 100 * 60 * 75 - 150

    private static func profile(_ medium: Medium?) -> UInt16 {
        medium.map { $0.blockCount <= longestCD ? cdROM : dvdROM } ?? 0
    }

    /// GET CONFIGURATION (§6.6). RT 0 lists all features from the starting one on, 1 the current
    /// ones, 2 the one asked for.
    static func configuration(_ block: CommandDescriptorBlock, medium: Medium?) -> [UInt8] {
        let current = profile(medium)
        let start = UInt16(block.bigEndian(at: 2, byteCount: 2))
        let requestType = block[1] & 0x03
        var body: [UInt8] = []
        for feature in features(current: current) {
            let isWanted =
                switch requestType {
                case 2: feature.code == start
                case 1: feature.code >= start && feature.isCurrent
                default: feature.code >= start
                }
            if isWanted { body += feature.encoded }
        }
        var reply: [UInt8] = []
        reply.appendBigEndian(UInt32(4 + body.count))
        reply += [0, 0]
        reply.appendBigEndian(current)
        return reply + body
    }

    private struct Feature {
        let code: UInt16
        let version: UInt8
        let isPersistent: Bool
        let isCurrent: Bool
        let data: [UInt8]

        /// §5.2.2: code u16, version and flags u8, additional length u8.
        var encoded: [UInt8] {
            var bytes: [UInt8] = []
            bytes.appendBigEndian(code)
            bytes.append(version << 2 | (isPersistent ? 2 : 0) | (isCurrent ? 1 : 0))
            bytes.append(UInt8(data.count))
            return bytes + data
        }
    }

    private static func features(current: UInt16) -> [Feature] {
        let isCD = current == cdROM
        let isDVD = current == dvdROM
        let profiles: [UInt8] = [0x00, 0x10, isDVD ? 1 : 0, 0, 0x00, 0x08, isCD ? 1 : 0, 0]
        return [
            Feature(code: 0x0000, version: 0, isPersistent: true, isCurrent: true, data: profiles),
            // Core: USB is interface standard 8. Morphing: no operational changes.
            Feature(
                code: 0x0001, version: 2, isPersistent: true, isCurrent: true, data: [0, 0, 0, 8, 1, 0, 0, 0]),
            Feature(code: 0x0002, version: 1, isPersistent: true, isCurrent: true, data: [0, 0, 0, 0]),
            // Removable medium: tray that locks, loads and ejects.
            Feature(
                code: 0x0003, version: 0, isPersistent: true, isCurrent: true, data: [0x29, 0, 0, 0]),
            // Random readable: 2048-byte blocks, one at a time.
            Feature(
                code: 0x0010, version: 0, isPersistent: false, isCurrent: isCD || isDVD,
                data: [0, 0, 8, 0, 0, 1, 0, 0]),
            Feature(code: 0x001E, version: 2, isPersistent: false, isCurrent: isCD, data: [0, 0, 0, 0]),
            Feature(code: 0x001F, version: 1, isPersistent: false, isCurrent: isDVD, data: [0, 0, 0, 0]),
        ]
    }

    /// GET EVENT STATUS NOTIFICATION (§6.7), polled only; the media class is the one that is known.
    static func event(_ block: CommandDescriptorBlock, unit: inout LogicalUnit) throws(CommandRefusal)
        -> [UInt8]
    {
        guard block[1] & 0x1F == 0x01 else { throw .sense(.invalidFieldInCommand) }
        let mediaClass: UInt8 = 0x10
        guard block[4] & mediaClass != 0 else { return [0, 2, 0x80, mediaClass] }
        let event = unit.mediaEvent
        unit.mediaEvent = .none
        return [0, 6, 4, mediaClass, event.rawValue, unit.medium == nil ? 0 : 0x02, 0, 0]
    }

    /// READ DISC INFORMATION (§6.22), standard data type: a finished disc of one session and track.
    static func discInformation(_ block: CommandDescriptorBlock) throws(CommandRefusal) -> [UInt8] {
        guard block[1] & 0x07 == 0 else { throw .sense(.invalidFieldInCommand) }
        var reply: [UInt8] = [0, 32, 0x0E, 1, 1, 1, 1, 0x20, 0, 0, 0, 0]
        reply += [0, 0, 0, 0]  // No disc identification.
        reply += [UInt8](repeating: 0xFF, count: 8)  // Lead-in and lead-out of a next session: none.
        return reply + [UInt8](repeating: 0, count: 10)
    }

    /// READ TRACK INFORMATION (§6.26): by block address, by track or by session, it is always track 1.
    static func trackInformation(_ block: CommandDescriptorBlock, medium: Medium) throws(CommandRefusal)
        -> [UInt8]
    {
        let number = block.bigEndian(at: 2, byteCount: 4)
        let isKnown =
            switch block[1] & 0x03 {
            case 0: number < medium.blockCount
            case 1, 2: number == 1
            default: false
            }
        guard isKnown else { throw .sense(.invalidFieldInCommand) }
        var reply: [UInt8] = [0, 34, 1, 1, 0, 4, 1, 0]  // Data track, mode 1.
        reply += [UInt8](repeating: 0, count: 16)  // Starts at 0; nothing writable, no free blocks.
        reply.appendBigEndian(UInt32(clamping: medium.blockCount))
        reply.appendBigEndian(UInt32(clamping: medium.blockCount - 1))
        return reply + [0, 0, 0, 0]
    }
}
