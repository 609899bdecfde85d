import FaultPoints
import USBMassStorage
import WireFormat

// Transfers while faults are about. A command's faults are met with its wrapper and strike in its stages.
extension USBBus {
    private static let strikes = ["disconnect", "reset", "suspend"]
    private static let readingCommands = Opcode.names.map(\.name).filter { $0.hasPrefix("READ(") }
    private static let movingCommands =
        readingCommands + Opcode.names.map(\.name).filter { $0.hasPrefix("WRITE(") }
    /// Opcodes without a name are "other".
    private static let commands = Opcode.names.map(\.name) + ["other"]

    static let carriedOut =
        FaultTable(.usb, ["reset"], ["delay", "hold", "fail", "disconnect", "suspend"])
        + FaultTable(.usb, ["control", "bulk-out", "bulk-in"], ["delay", "hold", "stall"] + strikes)
        + FaultTable(.usb, ["bulk-out"], ["drop", "duplicate", "corrupt"])
        + FaultTable(
            .usb, ["bulk-in"], ["drop", "duplicate", "corrupt", "short", "babble", "zero-length"])
        + FaultTable(
            .usb, commands,
            ["delay", "hold", "drop", "duplicate", "stall", "sense", "unit-attention", "csw-early"]
                + ["lie-csw-signature", "lie-csw-tag", "lie-csw-residue", "lie-csw-status", "csw-length"]
                + ["corrupt", "short", "babble"] + strikes + strikes.map { $0 + "-at-data" }
                + strikes.map { $0 + "-at-status" })
        + FaultTable(.usb, movingCommands, ["wrong-block"])
        + FaultTable(.usb, ["READ CAPACITY(10)", "READ CAPACITY(16)"], ["lie-capacity"])

    func watch(
        _ transfer: USBTransfer, to session: Session, timeout: Duration?,
        completion: @escaping (Result<TransferOutcome, USBTransferError>) -> Void
    ) -> (() -> Void)? {
        let watched = WatchedTransfer(transfer, timeout: timeout, timers: timers, completion: completion)
        ports[session.controller]!.watched.removeAll(where: \.isDone)
        ports[session.controller]!.watched.append(watched)
        let plan = plan(for: transfer, session)
        for strike in plan.strikes { self.strike(strike, on: session.controller) }
        whenAwake(session.controller) { [self] in
            faults.afterWaiting(plan.waiting) { [self] in
                whenAwake(session.controller) { [self] in
                    guard !watched.isDone else { return }
                    guard let gadget = gadget(of: session) else { return watched.fail(.disconnected) }
                    carryOut(watched, plan, on: session.controller, gadget)
                }
            }
        }
        return watched.isDone ? nil : { watched.expire() }
    }

    /// The session is over: whatever still waits is told so.
    func endWatching(_ controller: String) {
        guard let port = ports[controller] else { return }
        ports[controller]?.watched = []
        ports[controller]?.asleep = []
        ports[controller]?.isSuspended = false
        ports[controller]?.command = nil
        ports[controller]?.repeated = []
        for watched in port.watched { watched.fail(.disconnected) }
    }

    func strike(_ strike: Strike, on controller: String) {
        switch strike {
        case .disconnect(let time):
            setHostAttached(false, to: controller)
            guard time > .zero else { return }
            timers.schedule(at: timers.now + time) { [weak self] in
                self?.setHostAttached(true, to: controller)
            }
        case .reset: resetPort(controller)
        case .suspend(let time):
            suspend(controller)
            timers.schedule(at: timers.now + time) { [weak self] in self?.resume(controller) }
        }
    }

    private func whenAwake(_ controller: String, _ body: @escaping () -> Void) {
        guard ports[controller]?.isSuspended == true else { return body() }
        ports[controller]!.asleep.append(body)
    }

    // MARK: Deciding

    /// What becomes of one transfer.
    private struct Plan {
        /// Of the transfer itself.
        var own = MetFaults.none
        /// Of the command that it belongs to, and where in it.
        var command: WatchedCommand?
        var stage = WatchedCommand.Stage.data
        var isWrapper = false
        var isFirstOfCommand = false
        var strikes: [Strike] = []
        var waiting = MetFaults.none
        var stalls = false
    }

    private func plan(for transfer: USBTransfer, _ session: Session) -> Plan {
        var plan = Plan()
        let slot = gadget(of: session).flatMap { SlotNames.slot(ofGadget: $0.gadget.name) }
        plan.own = faults.meet(.usb, transfer.operation, on: session.controller, slot: slot)
        plan.strikes = Strike.all(plan.own)
        plan.waiting = plan.own
        plan.stalls = plan.own.special("stall") != nil
        if case .control = transfer { return plan }
        if let wrapper = wrapper(in: transfer, on: session.controller) {
            let met = meet(wrapper, session, slot: slot)
            ports[session.controller]!.command = WatchedCommand(wrapper, met: met)
            plan.command = ports[session.controller]!.command
            plan.isWrapper = true
            plan.strikes += Strike.all(met)
            return plan
        }
        guard ports[session.controller]?.command != nil else { return plan }
        let place = ports[session.controller]!.command!.begin(transfer)
        plan.command = ports[session.controller]!.command
        plan.stage = place.stage
        plan.isFirstOfCommand = place.isFirst
        guard let met = plan.command?.met, place.isFirst else { return plan }
        plan.strikes += Strike.all(met, at: place.stage == .data ? "-at-data" : "-at-status")
        let isAnswer = !(place.stage == .status && plan.command!.hasData)
        if isAnswer {
            plan.waiting.add(waitingOf: met)
            plan.stalls = plan.stalls || met.special("stall") != nil
        }
        return plan
    }

    /// Told by length and signature; no data that a host writes has 31 bytes.
    private func wrapper(in transfer: USBTransfer, on controller: String) -> CommandBlockWrapper? {
        guard case .bulkOut(_, let bytes) = transfer, bytes.count == CommandBlockWrapper.byteCount,
            case .wrapper(let wrapper) = CommandBlockWrapper.decode(bytes)
        else { return nil }
        return wrapper
    }

    private func meet(_ wrapper: CommandBlockWrapper, _ session: Session, slot: String?) -> MetFaults {
        let block = wrapper.commandBlock
        var bytes: Range<UInt64>?
        if let blocks = block.blocks, let gadget = gadget(of: session) {
            let size = gadget.blockByteCount(lun: Int(wrapper.lun))
            let (start, overflow) = blocks.first.multipliedReportingOverflow(by: size)
            let end = start.addingReportingOverflow(blocks.count * size)
            if !overflow, !end.overflow { bytes = start..<end.partialValue }
        }
        return faults.meet(
            .usb, block.opcode.name ?? "other", on: session.controller, slot: slot, bytes: bytes)
    }

    // MARK: Carrying out

    private func carryOut(
        _ watched: WatchedTransfer, _ plan: Plan, on controller: String, _ gadget: BoundGadget
    ) {
        if plan.stalls {
            ports[controller]?.command?.dataStalled()
            return watched.fail(.stalled)
        }
        switch watched.transfer {
        case .control(let setup, _):
            if setup.requestType == RequestType.classInterfaceOut, setup.request == ClassRequest.bulkOnlyReset
            {
                ports[controller]?.repeated = []
            }
            watched.submit(watched.transfer, to: gadget) { watched.finish(.success($0)) }
        case .bulkOut(let endpoint, let bytes): send(bytes, endpoint, watched, plan, gadget)
        case .bulkIn(_, let byteCount): receive(byteCount, watched, plan, on: controller, gadget)
        }
    }

    private func send(
        _ bytes: Bytes, _ endpoint: UInt8, _ watched: WatchedTransfer, _ plan: Plan, _ gadget: BoundGadget
    ) {
        var sent = Array(bytes)
        var isDropped = plan.own.isDropped
        if plan.isWrapper, let command = plan.command {
            isDropped = isDropped || command.met.isDropped
            prepare(gadget, for: command.met)
            if let distance = command.met.special("wrong-block") { sent = displaced(command, by: distance) }
        } else if let command = plan.command {
            sent = command.met.corruptions.reduce(sent) { $1.applied(to: $0) }
        }
        sent = plan.own.corruptions.reduce(sent) { $1.applied(to: $0) }
        guard !isDropped else { return watched.finish(.success(.accepted(byteCount: bytes.count))) }
        let transfer = USBTransfer.bulkOut(endpoint: endpoint, sent[...])
        watched.submit(transfer, to: gadget) { [weak gadget] outcome in
            if plan.own.copies > 0, let gadget { _ = gadget.submit(transfer.input) { _ in } }
            watched.finish(.success(outcome))
        }
    }

    private func prepare(_ gadget: BoundGadget, for met: MetFaults) {
        if let sense = met.sense {
            gadget.failCommands(1, with: SenseCode(sense.key, sense.code, sense.qualifier))
        }
        if let count = met.special("unit-attention") {
            gadget.failCommands(Int(clamping: count), with: .resetOccurred)
        }
    }

    private func displaced(_ command: WatchedCommand, by distance: Int64) -> [UInt8] {
        var wrapper = command.wrapper
        let first = Int64(clamping: wrapper.commandBlock.blocks?.first ?? 0)
        wrapper.commandBlock = wrapper.commandBlock.moved(to: UInt64(max(0, first &+ distance)))
        return wrapper.encoded
    }

    private func receive(
        _ byteCount: Int, _ watched: WatchedTransfer, _ plan: Plan, on controller: String,
        _ gadget: BoundGadget
    ) {
        if plan.own.special("zero-length") != nil { return watched.finish(.success(.data([]))) }
        if let command = plan.command, plan.stage == .data, plan.isFirstOfCommand,
            command.met.special("csw-early") != nil
        {
            ports[controller]?.command?.dataStalled()
            return watched.finish(.success(.data([command.earlyStatus.prefix(byteCount)])))
        }
        if ports[controller]?.repeated.isEmpty == false {
            let pieces = ports[controller]!.repeated.removeFirst()
            return watched.finish(.success(.data([Array(pieces.joined()).prefix(byteCount)])))
        }
        let stalled = { [self] in
            if plan.stage == .data { ports[controller]?.command?.dataStalled() }
        }
        watched.submit(watched.transfer, to: gadget, stalled: stalled) { [self] outcome in
            guard case .data(let pieces) = outcome else { return watched.finish(.success(outcome)) }
            deliver(pieces, byteCount, watched, plan, on: controller, gadget)
        }
    }

    private func deliver(
        _ pieces: [Bytes], _ asked: Int, _ watched: WatchedTransfer, _ plan: Plan, on controller: String,
        _ gadget: BoundGadget
    ) {
        let count = pieces.reduce(0) { $0 + $1.count }
        if plan.stage == .data { ports[controller]?.command?.received(count, of: asked) }
        if plan.own.isDropped {
            // Lost on the line; the host goes on waiting.
            return watched.submit(watched.transfer, to: gadget) { watched.finish(.success($0)) }
        }
        let isStatus = plan.stage == .status
        let copies = plan.own.copies + (isStatus ? plan.command?.met.copies ?? 0 : 0)
        for _ in 0..<copies { ports[controller]?.repeated.append(pieces) }
        let commandBabbles = !isStatus && plan.command?.met.special("babble") != nil
        if plan.own.special("babble") != nil || commandBabbles { return watched.fail(.babbled) }
        guard plan.own.isTampering || plan.command?.met.isEmpty == false else {
            return watched.finish(.success(.data(pieces)))
        }
        var bytes = Array(pieces.joined())
        if let command = plan.command {
            guard let changed = isStatus ? command.status(bytes) : command.data(bytes) else {
                return watched.fail(.babbled)
            }
            bytes = changed
        }
        bytes = plan.own.corruptions.reduce(bytes) { $1.applied(to: $0) }
        bytes.removeLast(min(bytes.count, plan.own.missingBytes))
        watched.finish(.success(.data([bytes[...]])))
    }
}

extension WatchedCommand {
    /// The device answers first in a data stage, if there is one either way.
    fileprivate var hasData: Bool { wrapper.transferByteCount > 0 }
}

extension MetFaults {
    /// Waits as the other one as well.
    fileprivate mutating func add(waitingOf other: MetFaults) {
        delay += other.delay
        holds += other.holds
    }

    fileprivate var isTampering: Bool { !corruptions.isEmpty || missingBytes > 0 }
}
