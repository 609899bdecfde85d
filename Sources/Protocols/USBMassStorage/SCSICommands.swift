/// The commands that both profiles know, once their command block has passed its checks.
enum SCSICommands {
    /// Peripheral qualifier 3, type 1F: no such LUN (SPC-4 §6.4.2).
    static let missingUnitInquiry: [UInt8] = [0x7F, 0, 0, 0, 31] + [UInt8](repeating: 0, count: 31)

    /// - Parameter intendedByteCount: how many bytes may be moved at most.
    static func perform(
        _ block: CommandDescriptorBlock, on unit: inout LogicalUnit,
        profile: GadgetConfiguration.Profile, intendedByteCount: Int
    ) throws(CommandRefusal) -> CommandPlan.Action {
        let reply: [UInt8]
        switch block.opcode {
        case .testUnitReady: return .finish
        case .read6, .read10, .read12, .read16, .write6, .write10, .write12, .write16:
            return try move(block, unit: unit, profile: profile, intendedByteCount: intendedByteCount)
        case .verify10, .verify12, .verify16:
            return try verify(block, unit: unit, profile: profile)
        case .synchronizeCache10, .synchronizeCache16:
            return unit.isReadOnly ? .finish : .flush(reportsFailure: true)
        case .startStopUnit: return try startStop(block, unit: unit)
        case .preventAllowMediumRemoval: return try preventAllow(block, unit: &unit)
        case .modeSelect6, .modeSelect10: throw .sense(.invalidCommand)
        case .requestSense:
            reply = unit.sense.encoded(truncatesInformation: profile == .linuxKernel)
            unit.sense = .none
        case .inquiry: reply = standardInquiry(unit, profile: profile)
        case .modeSense6, .modeSense10: reply = try ModePages.reply(block, unit: unit, profile: profile)
        case .readCapacity10: reply = try Capacity.read10(block, medium: medium(unit))
        case .serviceActionIn16: reply = try Capacity.read16(block, medium: medium(unit))
        case .readFormatCapacities: reply = Capacity.formats(medium: try medium(unit), profile: profile)
        case .readHeader: reply = try TableOfContents.header(block, medium: medium(unit), profile: profile)
        case .readTOC: reply = try TableOfContents.reply(block, medium: medium(unit), profile: profile)
        default: throw .sense(.invalidCommand)
        }
        return .reply(Array(reply.prefix(intendedByteCount)))
    }

    static func medium(_ unit: LogicalUnit) throws(CommandRefusal) -> Medium {
        guard let medium = unit.medium else { throw .sense(.mediumNotPresent) }
        return medium
    }

    /// SPC-4 §6.4.2, 36 bytes. The kernel claims SCSI-2, the strict profile SPC-4.
    private static func standardInquiry(_ unit: LogicalUnit, profile: GadgetConfiguration.Profile) -> [UInt8]
    {
        let version: UInt8 = profile == .linuxKernel ? 2 : 6
        return [
            unit.configuration.isCD ? 5 : 0, unit.configuration.isRemovable ? 0x80 : 0, version, 2, 31, 0, 0,
            0,
        ] + unit.inquiryText
    }

    private static func move(
        _ block: CommandDescriptorBlock, unit: LogicalUnit, profile: GadgetConfiguration.Profile,
        intendedByteCount: Int
    ) throws(CommandRefusal) -> CommandPlan.Action {
        let isWrite = block[0] & 0x02 != 0
        if isWrite, unit.isReadOnly { throw .sense(.writeProtected) }
        let address: UInt64
        switch block.byteCountOfOpcode {
        case 6: address = block.bigEndian(at: 1, byteCount: 3) & 0x1F_FFFF
        case 16: address = block.bigEndian(at: 2, byteCount: 8)
        default: address = block.bigEndian(at: 2, byteCount: 4)
        }
        if block.byteCountOfOpcode > 6 {
            // DPO and FUA only: no protection information, no RelAdr.
            guard block[1] & 0x1F & ~0x18 == 0 else { throw .sense(.invalidFieldInCommand) }
        }
        var range = try range(
            at: address, byteCount: intendedByteCount, medium: medium(unit), profile: profile)
        guard isWrite else { return .read(range) }
        if range.failureOffset != nil { range.failureOffset = writeFailure(range, intendedByteCount) }
        let isForced =
            block.byteCountOfOpcode > 6 && block[1] & 0x08 != 0
            && !unit.configuration.ignoresForceUnitAccess
        return .write(range, isForcedToMedium: isForced)
    }

    /// The kernel moves what there is and fails after it; it reads on to the last byte of the file,
    /// past the last whole block. The strict profile moves nothing.
    static func range(
        at address: UInt64, byteCount: Int, medium: Medium, profile: GadgetConfiguration.Profile
    ) throws(CommandRefusal) -> MediumRange {
        guard address < medium.blockCount else {
            // SBC-3 §4.5: no blocks at the very end are no error.
            if profile == .strict, byteCount == 0, address == medium.blockCount {
                return MediumRange(offset: 0, byteCount: 0)
            }
            throw .sense(.blockAddressOutOfRange)
        }
        let offset = address * UInt64(medium.blockByteCount)
        switch profile {
        case .linuxKernel:
            let available = medium.byteCount - offset
            return MediumRange(
                offset: offset, byteCount: Int(min(UInt64(byteCount), available)),
                failureOffset: UInt64(byteCount) > available ? offset + available : nil)
        case .strict:
            let available = (medium.blockCount - address) * UInt64(medium.blockByteCount)
            guard UInt64(byteCount) <= available else { throw .sense(.blockAddressOutOfRange) }
            return MediumRange(offset: offset, byteCount: byteCount)
        }
    }

    /// The kernel asks the host for data buffer by buffer and looks only at where each begins: one that
    /// reaches past the end is cut without an error.
    private static func writeFailure(_ range: MediumRange, _ byteCount: Int) -> UInt64? {
        let buffer = Self.kernelBufferByteCount
        let accepted = (range.byteCount + buffer - 1) / buffer * buffer
        return byteCount > accepted ? range.offset + UInt64(accepted) : nil
    }

    /// f_mass_storage's `FSG_BUFLEN`.
    private static let kernelBufferByteCount = 16384

    /// Reads the blocks without handing them over. BytChk, comparing with data of the host, is not
    /// offered; DPO is ignored.
    private static func verify(
        _ block: CommandDescriptorBlock, unit: LogicalUnit, profile: GadgetConfiguration.Profile
    ) throws(CommandRefusal) -> CommandPlan.Action {
        let medium = try medium(unit)
        let addressByteCount = block.opcode == .verify16 ? 8 : 4
        let address = block.bigEndian(at: 2, byteCount: addressByteCount)
        let blocks =
            switch block.opcode {
            case .verify10: block.bigEndian(at: 7, byteCount: 2)
            case .verify12: block.bigEndian(at: 6, byteCount: 4)
            default: block.bigEndian(at: 10, byteCount: 4)
            }
        guard address < medium.blockCount else { throw .sense(.blockAddressOutOfRange) }
        guard block[1] & 0x1F & ~0x10 == 0 else { throw .sense(.invalidFieldInCommand) }
        let range = try range(
            at: address, byteCount: Int(blocks) * medium.blockByteCount, medium: medium, profile: profile)
        return range.byteCount == 0 ? .finish : .verify(range)
    }

    private static func startStop(_ block: CommandDescriptorBlock, unit: LogicalUnit) throws(CommandRefusal)
        -> CommandPlan.Action
    {
        guard unit.configuration.isRemovable else { throw .sense(.invalidCommand) }
        // Immed, and LoEj with Start; no power conditions.
        guard block[1] & 0x1F & ~0x01 == 0, block[4] & ~0x03 == 0 else {
            throw .sense(.invalidFieldInCommand)
        }
        let starts = block[4] & 0x01 != 0
        if starts {
            guard unit.medium != nil else { throw .sense(.mediumNotPresent) }
            return .finish
        }
        if unit.isRemovalPrevented { throw .sense(.mediumRemovalPrevented) }
        return block[4] & 0x02 != 0 && unit.medium != nil ? .eject : .finish
    }

    /// Unlocking flushes, as in the kernel: the host is about to let go of the medium.
    private static func preventAllow(_ block: CommandDescriptorBlock, unit: inout LogicalUnit)
        throws(CommandRefusal) -> CommandPlan.Action
    {
        guard unit.configuration.isRemovable else { throw .sense(.invalidCommand) }
        guard block[4] & ~0x01 == 0 else { throw .sense(.invalidFieldInCommand) }
        let wasPrevented = unit.isRemovalPrevented
        unit.isRemovalPrevented = block[4] & 0x01 != 0
        let unlocks = wasPrevented && !unit.isRemovalPrevented
        return unlocks && !unit.isReadOnly && unit.medium != nil ? .flush(reportsFailure: false) : .finish
    }
}

extension CommandDescriptorBlock {
    /// The length that the opcode's group stands for (SPC-4 §4.3.4), whatever the wrapper claims.
    package var byteCountOfOpcode: Int {
        switch self[0] >> 5 {
        case 0: 6
        case 1, 2: 10
        case 4: 16
        case 5: 12
        default: byteCount
        }
    }
}
