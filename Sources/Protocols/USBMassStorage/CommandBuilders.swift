internal import WireFormat

// The command blocks that hosts send.
extension CommandDescriptorBlock {
    private init(_ opcode: Opcode, _ rest: [UInt8]) { self.init([opcode.rawValue] + rest) }

    private static func bytes(of value: some FixedWidthInteger) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(value)
        return bytes
    }

    package static let testUnitReady = CommandDescriptorBlock(.testUnitReady, [0, 0, 0, 0, 0])

    package static func requestSense(allocation: UInt8 = UInt8(SenseData.byteCount)) -> Self {
        Self(.requestSense, [0, 0, 0, allocation, 0])
    }

    /// - Parameter page: a page of vital product data; `nil` asks for the standard data.
    package static func inquiry(page: UInt8? = nil, allocation: UInt8 = 36) -> Self {
        Self(.inquiry, [page == nil ? 0 : 1, page ?? 0, 0, allocation, 0])
    }

    package static let readCapacity10 = CommandDescriptorBlock(
        .readCapacity10, [0, 0, 0, 0, 0, 0, 0, 0, 0])

    package static let readCapacity16 = CommandDescriptorBlock(
        .serviceActionIn16,
        [ServiceAction.readCapacity16] + bytes(of: UInt64(0)) + bytes(of: UInt32(32)) + [0, 0])

    /// READ(10), or READ(16) where the address or the count needs it.
    package static func read(at block: UInt64, count: UInt32) -> Self {
        move(.read10, .read16, at: block, count: count, flags: 0)
    }

    /// - Parameter isForced: FUA, the status comes once the blocks are on the medium.
    package static func write(at block: UInt64, count: UInt32, isForced: Bool = false) -> Self {
        move(.write10, .write16, at: block, count: count, flags: isForced ? 0x08 : 0)
    }

    package static func verify(at block: UInt32, count: UInt16) -> Self {
        Self(.verify10, [0] + bytes(of: block) + [0] + bytes(of: count) + [0])
    }

    private static func move(_ short: Opcode, _ long: Opcode, at block: UInt64, count: UInt32, flags: UInt8)
        -> Self
    {
        if let address = UInt32(exactly: block), let length = UInt16(exactly: count) {
            return Self(short, [flags] + bytes(of: address) + [0] + bytes(of: length) + [0])
        }
        return Self(long, [flags] + bytes(of: block) + bytes(of: count) + [0, 0])
    }

    package static let synchronizeCache = CommandDescriptorBlock(
        .synchronizeCache10, [0, 0, 0, 0, 0, 0, 0, 0, 0])

    package static func modeSense6(page: UInt8, allocation: UInt8) -> Self {
        Self(.modeSense6, [0, page, 0, allocation, 0])
    }

    package static func modeSense10(page: UInt8, allocation: UInt16) -> Self {
        Self(.modeSense10, [0, page, 0, 0, 0, 0] + bytes(of: allocation) + [0])
    }

    package static func startStop(starts: Bool, movesMedium: Bool) -> Self {
        Self(.startStopUnit, [0, 0, 0, (starts ? 1 : 0) | (movesMedium ? 2 : 0), 0])
    }

    package static func preventRemoval(_ isPrevented: Bool) -> Self {
        Self(.preventAllowMediumRemoval, [0, 0, 0, isPrevented ? 1 : 0, 0])
    }

    package static func readTOC(format: UInt8 = 0, isTime: Bool = false, allocation: UInt16) -> Self {
        Self(.readTOC, [isTime ? 2 : 0, format, 0, 0, 0, 0] + bytes(of: allocation) + [0])
    }

    package static func readFormatCapacities(allocation: UInt16) -> Self {
        Self(.readFormatCapacities, [0, 0, 0, 0, 0, 0] + bytes(of: allocation) + [0])
    }

    package static func getConfiguration(allocation: UInt16) -> Self {
        Self(.getConfiguration, [0, 0, 0, 0, 0, 0] + bytes(of: allocation) + [0])
    }

    /// Asks at once (Polled) for events of the media class.
    package static let getMediaEvent = CommandDescriptorBlock(
        .getEventStatusNotification, [1, 0, 0, 0x10, 0, 0, 0, 8, 0])

    package static func readDiscInformation(allocation: UInt16) -> Self {
        Self(.readDiscInformation, [0, 0, 0, 0, 0, 0] + bytes(of: allocation) + [0])
    }

    package static func readTrackInformation(track: UInt32, allocation: UInt16) -> Self {
        Self(.readTrackInformation, [1] + bytes(of: track) + [0] + bytes(of: allocation) + [0])
    }

    package static func reportLUNs(allocation: UInt32) -> Self {
        Self(.reportLUNs, [0, 0, 0, 0, 0] + bytes(of: allocation) + [0, 0])
    }
}
