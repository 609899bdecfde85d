package import WireFormat

/// The host side of Bulk-Only Transport (BOT §5.3, §6): one command at a time, from wrapper to
/// status. It says what to do next and is told how it went.
///
///     idle ─begin─▶ wrapper ─▶ data ─▶ status ─▶ finished
///                      │         └stall: clear halt┘ │ stall: clear halt, once more
///                      └────── anything else ────────┴──▶ recovering ─▶ failed
package struct BulkOnlyHost: Sendable {
    package enum Pipe: Sendable { case bulkIn, bulkOut }

    /// The next step; `handle` takes its result.
    package enum Action: Equatable, Sendable {
        case sendWrapper([UInt8])
        /// The whole data-out stage of the command.
        case sendData
        case receiveData(byteCount: Int)
        case receiveStatus(byteCount: Int)
        case clearHalt(Pipe)
        /// Bulk-Only Reset, then clear both halts (BOT §5.3.4).
        case recover
        case finish(Completion)
        case fail(TransportFault)
    }

    package enum Event: Sendable {
        case done
        case received([Bytes])
        case stalled
        case timedOut
        /// More came than there was room for; what came is not to be used.
        case babbled
    }

    /// A command that ended in a valid status of 00 or 01.
    package struct Completion: Equatable, Sendable {
        package var hasPassed: Bool
        /// What the device counts as moved: without padding.
        package var movedByteCount: Int
        /// The data-in stage, cut to ``movedByteCount``.
        package var data: [Bytes]
    }

    private enum State {
        case idle
        case sendingWrapper
        case movingData
        case clearingData
        case receivingStatus(isRetry: Bool)
        case clearingStatus
        case recovering(TransportFault)
    }
    private var state = State.idle
    private var tag: UInt32
    private var direction = CommandBlockWrapper.Direction.none
    private var byteCount = 0
    private var data: [Bytes] = []
    private var receivedByteCount = 0

    package init(firstTag: UInt32 = 1) { tag = firstTag &- 1 }

    /// - Precondition: no other command is in progress.
    package mutating func begin(
        _ block: CommandDescriptorBlock, lun: UInt8, direction: CommandBlockWrapper.Direction, byteCount: Int
    ) -> Action {
        guard case .idle = state else { preconditionFailure("a command is in progress") }
        tag &+= 1
        self.direction = byteCount == 0 ? .none : direction
        self.byteCount = byteCount
        data = []
        receivedByteCount = 0
        state = .sendingWrapper
        let wrapper = CommandBlockWrapper(
            tag: tag, transferByteCount: UInt32(byteCount), direction: direction, lun: lun,
            commandBlock: block)
        return .sendWrapper(wrapper.encoded)
    }

    package mutating func handle(_ event: Event) -> Action {
        if case .timedOut = event {
            if case .recovering(let fault) = state { return end(.fail(fault)) }
            return recover(.timedOut(stage))
        }
        if case .babbled = event {
            if case .recovering(let fault) = state { return end(.fail(fault)) }
            return recover(.babbled(stage))
        }
        switch state {
        case .idle: preconditionFailure("no command is in progress")
        case .sendingWrapper:
            if case .stalled = event { return recover(.wrapperStalled) }
            return startData()
        case .movingData: return movedData(event)
        case .clearingData: return receiveStatus(isRetry: false)
        case .receivingStatus(let isRetry): return receivedStatus(event, isRetry: isRetry)
        case .clearingStatus: return receiveStatus(isRetry: true)
        case .recovering(let fault): return end(.fail(fault))
        }
    }

    /// Forgets the command: the device was reset behind our back.
    package mutating func abandon() { state = .idle }

    private var stage: TransportFault.Stage {
        switch state {
        case .idle, .sendingWrapper: .wrapper
        case .movingData, .clearingData: .data
        case .receivingStatus, .clearingStatus, .recovering: .status
        }
    }

    private mutating func startData() -> Action {
        state = .movingData
        switch direction {
        case .none: return receiveStatus(isRetry: false)
        case .toHost: return .receiveData(byteCount: byteCount)
        case .fromHost: return .sendData
        }
    }

    private mutating func movedData(_ event: Event) -> Action {
        switch event {
        case .received(let pieces):
            let count = pieces.reduce(0) { $0 + $1.count }
            if count < byteCount, isStatus(pieces, byteCount: count) { return judge(pieces) }
            data = pieces
            receivedByteCount = count
            return receiveStatus(isRetry: false)
        case .stalled:
            state = .clearingData
            return .clearHalt(direction == .toHost ? .bulkIn : .bulkOut)
        case .done, .timedOut, .babbled: return receiveStatus(isRetry: false)
        }
    }

    /// Some devices leave out a data stage and send the status in its place; the tag gives it away.
    private func isStatus(_ pieces: [Bytes], byteCount: Int) -> Bool {
        guard direction == .toHost, byteCount == CommandStatusWrapper.byteCount, pieces.count == 1 else {
            return false
        }
        return CommandStatusWrapper(decoding: pieces[0])?.tag == tag
    }

    private mutating func receiveStatus(isRetry: Bool) -> Action {
        state = .receivingStatus(isRetry: isRetry)
        return .receiveStatus(byteCount: CommandStatusWrapper.byteCount)
    }

    private mutating func receivedStatus(_ event: Event, isRetry: Bool) -> Action {
        switch event {
        case .received(let pieces):
            // Linux's gadget may end its data twice; as usb-storage does, an empty status is read again.
            let isEmpty = pieces.allSatisfy(\.isEmpty)
            return isEmpty && !isRetry ? receiveStatus(isRetry: true) : judge(pieces)
        case .stalled where !isRetry:
            state = .clearingStatus
            return .clearHalt(.bulkIn)
        default: return recover(.statusStalled)
        }
    }

    /// BOT §6.3 and §6.7: is the wrapper valid and meaningful, and do its figures agree with what
    /// was seen?
    private mutating func judge(_ pieces: [Bytes]) -> Action {
        let bytes = pieces.count == 1 ? pieces[0] : Array(pieces.joined())[...]
        guard let status = CommandStatusWrapper(decoding: bytes) else {
            return recover(.invalidStatus(Array(bytes)))
        }
        guard status.tag == tag else { return recover(.wrongTag(expected: tag, found: status.tag)) }
        if status.status == .phaseError { return recover(.phaseError) }
        guard status.residue <= UInt32(byteCount) else {
            return recover(.residueTooLarge(residue: status.residue, byteCount: byteCount))
        }
        let moved = byteCount - Int(status.residue)
        // More may come than counts, as padding, but never less.
        if direction == .toHost, receivedByteCount < moved {
            return end(.fail(.dataShort(received: receivedByteCount, claimed: moved)))
        }
        if receivedByteCount > moved { cutData(to: moved) }
        let completion = Completion(hasPassed: status.status == .passed, movedByteCount: moved, data: data)
        return end(.finish(completion))
    }

    private mutating func cutData(to count: Int) {
        var left = count
        data = data.compactMap { piece in
            let kept = piece.prefix(left)
            left -= kept.count
            return kept.isEmpty ? nil : kept
        }
    }

    private mutating func recover(_ fault: TransportFault) -> Action {
        state = .recovering(fault)
        return .recover
    }

    private mutating func end(_ action: Action) -> Action {
        state = .idle
        data = []
        return action
    }
}

/// What a device did against Bulk-Only Transport, or did not do in time.
package enum TransportFault: Error, Equatable, Sendable {
    package enum Stage: String, Sendable { case wrapper, data, status }
    case timedOut(Stage)
    case babbled(Stage)
    case wrapperStalled
    case statusStalled
    case invalidStatus([UInt8])
    case wrongTag(expected: UInt32, found: UInt32)
    case phaseError
    case residueTooLarge(residue: UInt32, byteCount: Int)
    /// The status claims more than arrived: bytes are missing though the command passed.
    case dataShort(received: Int, claimed: Int)
}

extension TransportFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .timedOut(let stage): "no answer in time (\(stage.rawValue) stage)"
        case .babbled(let stage): "more data than asked for (\(stage.rawValue) stage)"
        case .wrapperStalled: "the device stalled a command wrapper"
        case .statusStalled: "the device stalled its status twice"
        case .invalidStatus(let bytes): "invalid status wrapper: \(Hexadecimal.text(bytes.prefix(32)))"
        case .wrongTag(let expected, let found): "status with tag \(found) for command \(expected)"
        case .phaseError: "phase error"
        case .residueTooLarge(let residue, let byteCount):
            "residue \(residue) of a transfer of \(byteCount) bytes"
        case .dataShort(let received, let claimed):
            "short data: \(received) bytes came, the status claims \(claimed)"
        }
    }
}
