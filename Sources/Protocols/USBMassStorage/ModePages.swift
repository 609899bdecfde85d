internal import WireFormat

/// MODE SENSE(6) and (10): a header with the write-protect bit, no block descriptors, and pages.
enum ModePages {
    private static let caching: UInt8 = 0x08
    private static let capabilities: UInt8 = 0x2A
    private static let all: UInt8 = 0x3F

    static func reply(
        _ block: CommandDescriptorBlock, unit: LogicalUnit, profile: GadgetConfiguration.Profile
    ) throws(CommandRefusal) -> [UInt8] {
        let isLong = block.opcode == .modeSense10
        // DBD may be set: there are no block descriptors. LLBAA means nothing without them.
        let allowed: UInt8 = profile == .strict && isLong ? 0x18 : 0x08
        guard block[1] & 0x1F & ~allowed == 0 else { throw .sense(.invalidFieldInCommand) }
        let control = block[2] >> 6
        if control == 3 { throw .sense(.savingParametersNotSupported) }
        let page = block[2] & 0x3F
        let subpage = block[3]
        guard subpage == 0 || (page == all && subpage == 0xFF) else { throw .sense(.invalidFieldInCommand) }
        var pages: [UInt8] = []
        if page == caching || page == all { pages += cachingPage(isChangeable: control == 1) }
        if profile == .strict, unit.configuration.isCD, page == capabilities || page == all {
            pages += capabilitiesPage(isChangeable: control == 1)
        }
        guard !pages.isEmpty else { throw .sense(.invalidFieldInCommand) }
        return header(isLong: isLong, isReadOnly: unit.isReadOnly, pageByteCount: pages.count) + pages
    }

    /// SPC-4 §7.5.5. The length does not count itself.
    private static func header(isLong: Bool, isReadOnly: Bool, pageByteCount: Int) -> [UInt8] {
        let writeProtect: UInt8 = isReadOnly ? 0x80 : 0
        guard isLong else { return [UInt8(3 + pageByteCount), 0, writeProtect, 0] }
        var bytes: [UInt8] = []
        bytes.appendBigEndian(UInt16(6 + pageByteCount))
        return bytes + [0, writeProtect, 0, 0, 0, 0]
    }

    /// SBC-3 §6.4.5: write cache on, prefetch not limited; nothing can be changed.
    private static func cachingPage(isChangeable: Bool) -> [UInt8] {
        let values: [UInt8] = [0x04, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]
        return [caching, 10] + (isChangeable ? [UInt8](repeating: 0, count: 10) : values)
    }

    /// MMC-3 §6.3.11: reads CDs and DVDs, tray loader that can lock and eject, speed 8467 kB/s.
    private static func capabilitiesPage(isChangeable: Bool) -> [UInt8] {
        let values: [UInt8] = [
            0x0B, 0x00, 0x71, 0x60, 0x29, 0x00, 0x21, 0x13, 0x00, 0x00, 0x00, 0x00, 0x21, 0x13, 0, 0, 0, 0, 0,
            0,
        ]
        return [capabilities, 20] + (isChangeable ? [UInt8](repeating: 0, count: 20) : values)
    }
}
