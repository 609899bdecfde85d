/// Checks and plans a command as f_mass_storage does: the data stage is settled from the command
/// block alone, before anything else is looked at.
struct KernelInterpreter {
    let wrapper: CommandBlockWrapper
    private var plan = CommandPlan(action: .finish)
    /// What the command may move: its own wish, cut to what the host offers.
    private var intendedByteCount = 0

    private init(_ wrapper: CommandBlockWrapper) { self.wrapper = wrapper }

    static func plan(_ wrapper: CommandBlockWrapper, for unit: inout LogicalUnit?) -> CommandPlan {
        var interpreter = KernelInterpreter(wrapper)
        guard unit != nil else {
            interpreter.planWithoutUnit()
            return interpreter.plan
        }
        do throws(CommandRefusal) {
            interpreter.plan.action = try interpreter.action(&unit!)
        } catch {
            switch error {
            case .sense(let code): unit?.sense = SenseData(code)
            case .phaseError: interpreter.plan.isPhaseError = true
            case .lunMissing: interpreter.plan.isLUNMissing = true
            }
        }
        return interpreter.plan
    }

    private mutating func action(_ unit: inout LogicalUnit) throws(CommandRefusal) -> CommandPlan.Action {
        let block = wrapper.commandBlock
        guard let rule = CommandRule.kernel(block, isCD: unit.configuration.isCD) else {
            let anything = CommandRule(
                block.byteCount, .none, .none, mask: Array(0..<CommandDescriptorBlock.maximumByteCount),
                needsMedium: false)
            try check(anything, unit: &unit)
            throw .sense(.invalidCommand)
        }
        try check(rule, unit: &unit)
        return try SCSICommands.perform(
            block, on: &unit, profile: .linuxKernel, intendedByteCount: intendedByteCount)
    }

    private mutating func check(_ rule: CommandRule, unit: inout LogicalUnit) throws(CommandRefusal) {
        let block = wrapper.commandBlock
        try settleData(rule, blockByteCount: unit.blockByteCount)
        // Longer blocks than needed are taken: firmware pads them to 12 bytes.
        guard block.byteCount >= rule.byteCount else { throw .phaseError }
        let minds = block.opcode != .inquiry && block.opcode != .requestSense
        if block.opcode != .requestSense { unit.sense = .none }
        if minds, let attention = unit.unitAttention {
            unit.unitAttention = nil
            throw .sense(attention)
        }
        if hasUnexpectedBytes(rule) { throw .sense(.invalidFieldInCommand) }
        if rule.needsMedium, unit.medium == nil { throw .sense(.mediumNotPresent) }
    }

    private func hasUnexpectedBytes(_ rule: CommandRule) -> Bool {
        let block = wrapper.commandBlock
        return (1..<max(1, block.byteCount)).contains { index in
            guard rule.mask & (1 << UInt32(index)) == 0 else { return false }
            // The top three bits of byte 1 were the LUN in SCSI-2.
            return index == 1 ? block[1] & 0x1F != 0 : block[index] != 0
        }
    }

    /// Less room than the command wants is a phase error, but the command runs for what there is.
    private mutating func settleData(_ rule: CommandRule, blockByteCount: Int) throws(CommandRefusal) {
        var wanted = rule.amount(in: wrapper.commandBlock)
        if case .blocks = rule.amount { wanted *= UInt64(blockByteCount) }
        // The kernel counts bytes in 32 bits and refuses what does not fit.
        guard wanted <= UInt64(UInt32.max) else { throw .phaseError }
        let direction = wanted == 0 ? .none : rule.direction
        if UInt64(wrapper.transferByteCount) < wanted {
            wanted = UInt64(wrapper.transferByteCount)
            plan.isPhaseError = true
        }
        intendedByteCount = Int(wanted)
        if wanted > 0, wrapper.direction != direction { throw .phaseError }
    }

    /// INQUIRY and REQUEST SENSE work on a LUN that is not there.
    private mutating func planWithoutUnit() {
        plan.isLUNMissing = true
        let block = wrapper.commandBlock
        let rule = CommandRule.kernel(block, isCD: false)
        let isPhaseError: Bool
        do throws(CommandRefusal) {
            if let rule { try settleData(rule, blockByteCount: 1) }
            isPhaseError = block.byteCount < (rule?.byteCount ?? 0)
        } catch { isPhaseError = true }
        if isPhaseError {
            plan.isPhaseError = true
            return
        }
        // What is malformed fails, and so the missing LUN shows.
        guard let rule, !hasUnexpectedBytes(rule) else { return }
        switch block.opcode {
        case .inquiry where block[1] & 0x1F == 0:
            plan.isLUNMissing = false
            plan.action = .reply(Array(SCSICommands.missingUnitInquiry.prefix(intendedByteCount)))
        case .requestSense:
            plan.isLUNMissing = false
            let sense = SenseData(.logicalUnitNotSupported).encoded(truncatesInformation: true)
            plan.action = .reply(Array(sense.prefix(intendedByteCount)))
        default: break
        }
    }
}
