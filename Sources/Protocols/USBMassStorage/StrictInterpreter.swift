internal import WireFormat

/// Checks and plans a command as the specifications have it: the command is looked at first, and the
/// data stage is judged by what it would really move (BOT §6.7).
struct StrictInterpreter {
    let units: [LogicalUnit?]
    let serialNumber: String

    /// These report or pass over a unit attention instead of failing with it (SPC-4 §5.14, MMC-6 §4.1.6).
    private static let attentionFree: Set<Opcode> = [
        .inquiry, .requestSense, .reportLUNs, .getConfiguration, .getEventStatusNotification,
    ]

    func plan(_ wrapper: CommandBlockWrapper, for unit: inout LogicalUnit?) -> CommandPlan {
        var plan = CommandPlan(action: .finish)
        do throws(CommandRefusal) {
            if unit != nil {
                plan.action = try action(wrapper.commandBlock, on: &unit!)
            } else {
                plan.action = try actionWithoutUnit(wrapper.commandBlock)
            }
            settleData(&plan, wrapper)
        } catch {
            switch error {
            case .sense(let code): unit?.sense = SenseData(code)
            case .phaseError: plan.isPhaseError = true
            case .lunMissing: plan.isLUNMissing = true
            }
        }
        return plan
    }

    private func action(_ block: CommandDescriptorBlock, on unit: inout LogicalUnit)
        throws(CommandRefusal) -> CommandPlan.Action
    {
        let rule = CommandRule.strict(block, isCD: unit.configuration.isCD)
        if let rule, block.byteCount < rule.byteCount { throw .phaseError }
        if block.opcode != .requestSense { unit.sense = .none }
        if !Self.attentionFree.contains(block.opcode), let attention = unit.unitAttention {
            unit.unitAttention = nil
            throw .sense(attention)
        }
        guard let rule else { throw .sense(.invalidCommand) }
        for index in 1..<rule.byteCount where rule.mask & (1 << UInt32(index)) == 0 {
            guard index == 1 ? block[1] & 0x1F == 0 : block[index] == 0 else {
                throw .sense(.invalidFieldInCommand)
            }
        }
        if rule.needsMedium, unit.medium == nil { throw .sense(.mediumNotPresent) }
        var amount = rule.amount(in: block)
        if case .blocks = rule.amount { amount *= UInt64(unit.blockByteCount) }
        return try perform(block, on: &unit, amount: Int(amount))
    }

    private func perform(_ block: CommandDescriptorBlock, on unit: inout LogicalUnit, amount: Int)
        throws(CommandRefusal) -> CommandPlan.Action
    {
        let reply: [UInt8]
        switch block.opcode {
        case .sendDiagnostic:
            // The self-test passes; no other diagnostics, and no parameters.
            guard block[1] & 0x1B == 0 else { throw .sense(.invalidFieldInCommand) }
            return .finish
        case .inquiry where block[1] & 0x01 != 0:
            reply = try VitalProductData.page(block[2], unit: unit, serialNumber: serialNumber)
        case .inquiry where block[1] & 0x1F != 0 || block[2] != 0: throw .sense(.invalidFieldInCommand)
        case .requestSense where unit.sense == .none && unit.unitAttention != nil:
            reply = SenseData(unit.unitAttention!).encoded(truncatesInformation: false)
            unit.unitAttention = nil
        case .reportLUNs: reply = try luns(block)
        case .getConfiguration: reply = OpticalReplies.configuration(block, medium: unit.medium)
        case .getEventStatusNotification: reply = try OpticalReplies.event(block, unit: &unit)
        case .readDiscInformation: reply = try OpticalReplies.discInformation(block)
        case .readTrackInformation:
            reply = try OpticalReplies.trackInformation(block, medium: SCSICommands.medium(unit))
        default:
            return try SCSICommands.perform(block, on: &unit, profile: .strict, intendedByteCount: amount)
        }
        return .reply(Array(reply.prefix(amount)))
    }

    private func actionWithoutUnit(_ block: CommandDescriptorBlock) throws(CommandRefusal)
        -> CommandPlan.Action
    {
        guard let rule = CommandRule.strict(block, isCD: false) else { throw .lunMissing }
        guard block.byteCount >= rule.byteCount else { throw .phaseError }
        let reply: [UInt8]
        switch block.opcode {
        case .inquiry where block[1] & 0x1F == 0: reply = SCSICommands.missingUnitInquiry
        case .requestSense: reply = SenseData(.logicalUnitNotSupported).encoded(truncatesInformation: false)
        case .reportLUNs: reply = try luns(block)
        default: throw .lunMissing
        }
        return .reply(Array(reply.prefix(Int(rule.amount(in: block)))))
    }

    /// SPC-4 §6.33.
    private func luns(_ block: CommandDescriptorBlock) throws(CommandRefusal) -> [UInt8] {
        guard block[2] <= 2 else { throw .sense(.invalidFieldInCommand) }
        // 1 asks for well-known logical units, of which there are none.
        let numbers = block[2] == 1 ? [] : units.indices.filter { units[$0] != nil }
        var reply: [UInt8] = []
        reply.appendBigEndian(UInt32(numbers.count * 8))
        reply += [0, 0, 0, 0]
        for number in numbers { reply += [0, UInt8(number), 0, 0, 0, 0, 0, 0] }
        return reply
    }

    /// Cases 2, 3, 7, 8, 10 and 13: the host has no room, or has it the other way round. Data for the
    /// host are cut to its room; data for the medium are not written at all.
    private func settleData(_ plan: inout CommandPlan, _ wrapper: CommandBlockWrapper) {
        let byteCount: Int
        let direction: CommandBlockWrapper.Direction
        switch plan.action {
        case .reply(let bytes): (byteCount, direction) = (bytes.count, .toHost)
        case .read(let range): (byteCount, direction) = (range.byteCount, .toHost)
        case .write(let range, _): (byteCount, direction) = (range.byteCount, .fromHost)
        case .finish, .verify, .flush, .eject: return
        }
        let room = wrapper.direction == direction ? Int(wrapper.transferByteCount) : 0
        guard room < byteCount else { return }
        plan.isPhaseError = true
        switch plan.action {
        case .reply(let bytes) where room > 0: plan.action = .reply(Array(bytes.prefix(room)))
        case .read(var range) where room > 0:
            range.byteCount = room
            plan.action = .read(range)
        default: plan.action = .finish
        }
    }
}

extension CommandRule {
    /// The kernel's commands and those that the specifications ask for besides.
    static func strict(_ block: CommandDescriptorBlock, isCD: Bool) -> CommandRule? {
        guard let rule = strictRules[Int(block[0])] else { return kernel(block, isCD: isCD) }
        return isCD || !opticalOnly.contains(block.opcode) ? rule : nil
    }

    private static let opticalOnly: Set<Opcode> = [
        .getConfiguration, .getEventStatusNotification, .readDiscInformation, .readTrackInformation,
    ]

    private static let strictRules: [CommandRule?] = table([
        .inquiry: CommandRule(6, .toHost, .bytes(at: 3, count: 2), mask: [1, 2, 3, 4], needsMedium: false),
        .modeSense6: CommandRule(
            6, .toHost, .bytes(at: 4, count: 1), mask: [1, 2, 3, 4], needsMedium: false),
        .modeSense10: CommandRule(
            10, .toHost, .bytes(at: 7, count: 2), mask: [1, 2, 3, 7, 8], needsMedium: false),
        .sendDiagnostic: CommandRule(6, .none, .none, mask: [1], needsMedium: false),
        .reportLUNs: CommandRule(
            12, .toHost, .bytes(at: 6, count: 4), mask: [2, 6, 7, 8, 9], needsMedium: false),
        .verify12: CommandRule(12, .none, .none, mask: bytes12, needsMedium: true),
        .verify16: CommandRule(16, .none, .none, mask: bytes16, needsMedium: true),
        .synchronizeCache10: CommandRule(10, .none, .none, mask: bytes10, needsMedium: true),
        .synchronizeCache16: CommandRule(16, .none, .none, mask: bytes16, needsMedium: true),
        .getConfiguration: CommandRule(
            10, .toHost, .bytes(at: 7, count: 2), mask: [1, 2, 3, 7, 8], needsMedium: false),
        .getEventStatusNotification: CommandRule(
            10, .toHost, .bytes(at: 7, count: 2), mask: [1, 4, 7, 8], needsMedium: false),
        .readDiscInformation: CommandRule(
            10, .toHost, .bytes(at: 7, count: 2), mask: [1, 7, 8], needsMedium: true),
        .readTrackInformation: CommandRule(
            10, .toHost, .bytes(at: 7, count: 2), mask: [1, 2, 3, 4, 5, 7, 8], needsMedium: true),
    ])
}
