internal import WireFormat

// Bulk-Only Transport: wrapper in, data either way, status out (BOT §5 and §6).
extension MassStorageDevice {
    /// - Returns: whether anything was taken.
    mutating func advanceBulkOut() -> Bool {
        var didTake = false
        while let head = bulkOut.waiting.first {
            if bulkOut.isHalted {
                _ = bulkOut.takeFirst()
                outputs.append(.completed(head.transfer, .stalled))
            } else if isWedged {
                take(head.transfer, head.bytes)
            } else if command == nil {
                take(head.transfer, head.bytes)
                receiveWrapper(head.bytes)
            } else if case .receiving(let write) = command?.stage, canReceive(write) {
                take(head.transfer, head.bytes)
                receiveData(head.bytes)
            } else {
                break
            }
            didTake = true
        }
        return didTake
    }

    private mutating func take(_ transfer: TransferID, _ bytes: Bytes) {
        _ = bulkOut.takeFirst()
        outputs.append(.completed(transfer, .accepted(byteCount: bytes.count)))
    }

    private mutating func receiveWrapper(_ bytes: Bytes) {
        switch CommandBlockWrapper.decode(bytes) {
        case .invalid:
            // BOT §6.6.1. Bulk-out is not halted: what comes is dropped until the reset.
            isWedged = true
            bulkIn.isHalted = true
        case .meaningless:
            // The specification leaves it open; without a stall the host times out and resets.
            if configuration.mayStall {
                bulkOut.isHalted = true
                bulkIn.isHalted = true
            }
        case .wrapper(let wrapper): begin(wrapper)
        }
    }

    private mutating func begin(_ wrapper: CommandBlockWrapper) {
        let lun = Int(wrapper.lun)
        var unit = units.indices.contains(lun) ? units[lun] : nil
        let opcode = wrapper.commandBlock.opcode
        if !injectedSense.isEmpty, unit != nil, opcode != .requestSense, opcode != .inquiry {
            units[lun]!.sense = SenseData(injectedSense.removeFirst())
            command = CommandInProgress(
                wrapper: wrapper, lun: lun, stage: .finished, residue: wrapper.transferByteCount,
                isPhaseError: false, isLUNMissing: false)
            return startDataStage(reply: [])
        }
        let plan =
            switch configuration.profile {
            case .linuxKernel: KernelInterpreter.plan(wrapper, for: &unit)
            case .strict:
                StrictInterpreter(units: units, serialNumber: configuration.serialNumber ?? "")
                    .plan(wrapper, for: &unit)
            }
        if unit != nil { units[lun] = unit }
        command = CommandInProgress(
            wrapper: wrapper, lun: lun, stage: .finished, residue: wrapper.transferByteCount,
            isPhaseError: plan.isPhaseError, isLUNMissing: plan.isLUNMissing)
        start(plan.action, lun: lun)
    }

    private mutating func start(_ action: CommandPlan.Action, lun: Int) {
        switch action {
        case .finish: startDataStage(reply: [])
        case .reply(let bytes): startDataStage(reply: bytes)
        case .read(let range):
            guard command!.wrapper.direction == .toHost else { return startDataStage(reply: []) }
            bulkIn.begin(packetByteCount: configuration.speed.bulkPacketByteCount)
            command!.stage = .fetching(MediumRead(unrequested: range))
        case .write(let range, let isForced):
            guard command!.wrapper.direction == .fromHost else { return startDataStage(reply: []) }
            command!.stage = .receiving(
                MediumWrite(
                    hostByteCount: UInt64(command!.wrapper.transferByteCount), wanted: range,
                    isForcedToMedium: isForced, bufferOffset: range.offset))
        case .verify(let range): verify(range)
        case .flush(let reportsFailure):
            let tag = makeTag()
            outputs.append(.storage(tag, lun: lun, .flush))
            command!.stage = .flushing(tag, reportsFailure: reportsFailure)
        case .eject:
            units[lun]!.removeMedium(isByHost: true)
            outputs.append(.ejectedByHost(lun: lun))
            startDataStage(reply: [])
        }
    }

    /// Serves what data stage the host expects of a command that moves at most a short reply.
    mutating func startDataStage(reply: [UInt8]) {
        switch command!.wrapper.direction {
        case .none: command!.stage = .finished
        case .toHost:
            bulkIn.begin(packetByteCount: configuration.speed.bulkPacketByteCount)
            bulkIn.append([reply[...]])
            command!.residue -= UInt32(reply.count)
            finishDataIn()
        case .fromHost:
            command!.stage = .receiving(
                MediumWrite(
                    hostByteCount: UInt64(command!.wrapper.transferByteCount),
                    wanted: MediumRange(offset: 0, byteCount: 0)))
        }
    }

    /// BOT §6.7.2: data that fall short end in a short packet and a stall, or are padded. The kernel
    /// neither pads nor, by default, stalls; hosts take a short packet for what it is.
    ///
    /// - Parameter endsEmpty: an empty packet follows the data even where they end in a short one.
    mutating func finishDataIn(endsEmpty: Bool = false) {
        let residue = command!.residue
        let pads = configuration.profile == .strict && !configuration.mayStall
        bulkIn.finish(
            isShort: residue > 0 && !pads, padByteCount: pads ? UInt64(residue) : 0, endsEmpty: endsEmpty)
        command!.stage = .sendingData
    }

    /// - Returns: whether anything changed.
    mutating func advanceBulkIn() -> Bool {
        let countBefore = outputs.count
        bulkIn.deliver(to: &outputs)
        if bulkIn.run?.isDone == true {
            bulkIn.dropRun()
            switch command?.stage {
            case .sendingData:
                if command!.residue > 0, configuration.mayStall { bulkIn.isHalted = true }
                command!.stage = .finished
            case .sendingStatus: command = nil
            default: break
            }
            return true
        }
        return outputs.count != countBefore
    }

    /// Puts the status wrapper into the pipe.
    mutating func sendStatus() {
        let unit = units.indices.contains(command!.lun) ? units[command!.lun] : nil
        let hasFailed = unit.map { $0.sense.code != .none } ?? command!.isLUNMissing
        let status: CommandStatusWrapper.Status =
            command!.isPhaseError ? .phaseError : hasFailed ? .failed : .passed
        let wrapper = CommandStatusWrapper(
            tag: command!.wrapper.tag, residue: command!.residue, status: status)
        bulkIn.begin(packetByteCount: configuration.speed.bulkPacketByteCount)
        bulkIn.append([wrapper.encoded[...]])
        bulkIn.finish(isShort: false, padByteCount: 0)
        command!.stage = .sendingStatus
    }
}
