package import WireFormat

/// The server side of the fixed newstyle handshake: bytes in, actions out.
///
///     awaitingFlags ─▶ awaitingOption ⇄ skipping ─▶ transmission | closed
///
/// What cannot be answered, by the protocol's own rules, ends in ``Action/close(_:)``: unknown client
/// flags, a bad magic, EXPORT_NAME of an unknown export, floods.
package struct ServerHandshake: Sendable {
    package enum Action: Equatable, Sendable {
        case send([UInt8])
        /// Option haggling is over. `leftover` are requests that came with it.
        case transmit(Negotiated, leftover: Bytes)
        /// Close the connection, once everything was sent; the reason is for logs.
        case close(String)
    }

    /// Option data that is looked at; more is skipped and answered TOO_BIG.
    package static let maximumOptionBytes = 64 << 10
    /// Option data that is skipped; a client that announces more is dropped.
    package static let maximumSkippedBytes = 1 << 20
    /// Options of one client, against one that haggles for ever.
    package static let maximumOptions = 64

    /// The one reason of ``Action/close(_:)`` that is no fault of the client.
    package static let abortReason = "the client aborted"

    private enum State {
        case awaitingFlags
        case awaitingOption
        case skipping(OptionCode, leftBytes: Int)
        case finished
    }

    private let exports: [Export]
    private var state = State.awaitingFlags
    private var buffer: Bytes = []
    private var optionCount = 0
    private var omitsZeroes = false
    private var hasStructuredReplies = false
    /// The export for which base:allocation was selected last.
    private var contextExport: String?

    /// - Precondition: at least one export; the first also answers to the empty name.
    package init(exports: [Export]) {
        precondition(!exports.isEmpty, "nothing to serve")
        self.exports = exports
    }

    /// To be sent as soon as a client is connected.
    package static let greeting: [UInt8] = {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(Handshake.greetingMagic)
        bytes.appendBigEndian(Handshake.optionMagic)
        bytes.appendBigEndian(UInt16(HandshakeFlags.known.rawValue))
        return bytes
    }()

    /// Feeds whatever bytes have arrived, in any portions.
    ///
    /// - Precondition: neither transmission nor the end was reached before.
    package mutating func receive(_ bytes: Bytes) -> [Action] {
        if case .finished = state { preconditionFailure("the handshake is over") }
        buffer += bytes
        var actions: [Action] = []
        while step(&actions) {}
        return actions
    }

    private mutating func step(_ actions: inout [Action]) -> Bool {
        switch state {
        case .awaitingFlags:
            guard var field = buffer.take(4) else { return false }
            let flags = HandshakeFlags(rawValue: field.takeBigEndian())
            guard flags.isSubset(of: .known) else {
                return close("unknown client flags \(flags.rawValue)", &actions)
            }
            omitsZeroes = flags.contains(.noZeroes)
            state = .awaitingOption
            return true
        case .awaitingOption:
            return stepOption(&actions)
        case .skipping(let option, let leftBytes):
            let skipped = min(leftBytes, buffer.count)
            buffer.removeFirst(skipped)
            guard skipped == leftBytes else {
                state = .skipping(option, leftBytes: leftBytes - skipped)
                return false
            }
            state = .awaitingOption
            refuse(option, .tooBig, "option data is limited to \(Self.maximumOptionBytes) bytes", &actions)
            return true
        case .finished:
            return false
        }
    }

    private mutating func stepOption(_ actions: inout [Action]) -> Bool {
        if buffer.count >= 8 {
            var rest = buffer
            let magic = rest.takeBigEndian(as: UInt64.self)
            guard magic == Handshake.optionMagic else {
                return close("option magic \(magic)", &actions)
            }
        }
        guard buffer.count >= Handshake.optionHeaderByteCount else { return false }
        var header = buffer.dropFirst(8)
        let option = OptionCode(rawValue: header.takeBigEndian())
        let length = Int(header.takeBigEndian(as: UInt32.self))
        guard length <= Self.maximumOptionBytes else {
            guard option != .exportName, length <= Self.maximumSkippedBytes else {
                return close("option \(option.rawValue) with \(length) bytes of data", &actions)
            }
            buffer.removeFirst(Handshake.optionHeaderByteCount)
            state = .skipping(option, leftBytes: length)
            return countOption(&actions)
        }
        guard let whole = buffer.take(Handshake.optionHeaderByteCount + length) else { return false }
        guard countOption(&actions) else { return false }
        handle(option, whole.dropFirst(Handshake.optionHeaderByteCount), &actions)
        return true
    }

    private mutating func countOption(_ actions: inout [Action]) -> Bool {
        optionCount += 1
        guard optionCount <= Self.maximumOptions else {
            return close("more than \(Self.maximumOptions) options", &actions)
        }
        return true
    }

    private mutating func handle(_ option: OptionCode, _ data: Bytes, _ actions: inout [Action]) {
        switch option {
        case .exportName: handleExportName(data, &actions)
        case .abort:
            actions.append(.send(OptionReply.encode(.abort, .acknowledge)))
            _ = close(Self.abortReason, &actions)
        case .list: handleList(data, &actions)
        case .info, .go: handleInfo(option, data, &actions)
        case .structuredReply: handleStructuredReply(data, &actions)
        case .listMetaContext, .setMetaContext: handleMetaContext(option, data, &actions)
        case .startTLS where !data.isEmpty: refuse(option, .invalid, "STARTTLS carries no data", &actions)
        case .startTLS: refuse(option, .unsupported, "this server has no TLS", &actions)
        default: refuse(option, .unsupported, "option \(option.rawValue) is not known here", &actions)
        }
    }

    private mutating func handleExportName(_ data: Bytes, _ actions: inout [Action]) {
        // This option has no error reply ("NBD_OPT_EXPORT_NAME"): hanging up is the answer.
        guard let name = ProtocolString.decode(data), let export = find(name) else {
            _ = close("EXPORT_NAME of an unknown export", &actions)
            return
        }
        let negotiated = agree(on: export, named: name)
        var answer: [UInt8] = []
        answer.appendBigEndian(export.byteCount)
        answer.appendBigEndian(negotiated.export.flags.rawValue)
        if !omitsZeroes { answer += [UInt8](repeating: 0, count: Handshake.exportNamePadding) }
        actions.append(.send(answer))
        transmit(negotiated, &actions)
    }

    private mutating func handleList(_ data: Bytes, _ actions: inout [Action]) {
        guard data.isEmpty else { return refuse(.list, .invalid, "LIST carries no data", &actions) }
        var answer: [UInt8] = []
        for export in exports {
            var entry: [UInt8] = []
            entry.appendBigEndian(UInt32(export.name.utf8.count))
            entry += export.name.utf8
            entry += export.description.utf8
            answer += OptionReply.encode(.list, .server, entry)
        }
        actions.append(.send(answer + OptionReply.encode(.list, .acknowledge)))
    }

    private mutating func handleInfo(_ option: OptionCode, _ data: Bytes, _ actions: inout [Action]) {
        guard let request = InfoRequest(data) else {
            return refuse(option, .invalid, "malformed name or information requests", &actions)
        }
        guard let export = find(request.name) else {
            return refuse(option, .unknown, "no export named \"\(request.name)\"", &actions)
        }
        guard export.minimumBlockBytes == 1 || request.types.contains(.blockSize) else {
            let text = "the minimum block size is \(export.minimumBlockBytes): ask for BLOCK_SIZE"
            return refuse(option, .blockSizeRequired, text, &actions)
        }
        let negotiated = agree(on: export, named: request.name)
        var answer = OptionReply.encode(option, .info, InfoRequest.export(negotiated.export))
        for type in request.types {
            if let info = InfoRequest.answer(type, export) {
                answer += OptionReply.encode(option, .info, info)
            }
        }
        actions.append(.send(answer + OptionReply.encode(option, .acknowledge)))
        if option == .go { transmit(negotiated, &actions) }
    }

    private mutating func handleStructuredReply(_ data: Bytes, _ actions: inout [Action]) {
        guard data.isEmpty else {
            return refuse(.structuredReply, .invalid, "STRUCTURED_REPLY carries no data", &actions)
        }
        guard !hasStructuredReplies else {
            return refuse(.structuredReply, .invalid, "structured replies are on already", &actions)
        }
        hasStructuredReplies = true
        actions.append(.send(OptionReply.encode(.structuredReply, .acknowledge)))
    }

    private mutating func handleMetaContext(_ option: OptionCode, _ data: Bytes, _ actions: inout [Action]) {
        // A SET that fails leaves nothing selected ("NBD_OPT_SET_META_CONTEXT").
        if option == .setMetaContext { contextExport = nil }
        guard hasStructuredReplies else {
            return refuse(option, .invalid, "negotiate structured replies first", &actions)
        }
        guard let request = MetaContextRequest(data) else {
            return refuse(option, .invalid, "malformed export name or queries", &actions)
        }
        guard find(request.exportName) != nil else {
            return refuse(option, .unknown, "no export named \"\(request.exportName)\"", &actions)
        }
        var answer: [UInt8] = []
        if option == .listMetaContext ? request.listsAllocation : request.selectsAllocation {
            var entry: [UInt8] = []
            entry.appendBigEndian(option == .listMetaContext ? 0 : AllocationContext.id)
            entry += AllocationContext.name.utf8
            answer = OptionReply.encode(option, .metaContext, entry)
            if option == .setMetaContext { contextExport = request.exportName }
        }
        actions.append(.send(answer + OptionReply.encode(option, .acknowledge)))
    }

    private func find(_ name: String) -> Export? {
        name.isEmpty ? exports.first : exports.first { $0.name.utf8.elementsEqual(name.utf8) }
    }

    private func agree(on export: Export, named name: String) -> Negotiated {
        var negotiated = Negotiated(export: export)
        negotiated.hasStructuredReplies = hasStructuredReplies
        if hasStructuredReplies { negotiated.export.flags.insert(.sendDoNotFragment) }
        negotiated.hasAllocationContext = contextExport == name
        return negotiated
    }

    private mutating func transmit(_ negotiated: Negotiated, _ actions: inout [Action]) {
        state = .finished
        actions.append(.transmit(negotiated, leftover: buffer))
        buffer = []
    }

    private func refuse(
        _ option: OptionCode, _ type: OptionReplyType, _ text: String, _ actions: inout [Action]
    ) {
        let message = text.utf8.prefix(Handshake.maximumStringBytes)
        // A cut inside a character would break the string rule that we keep.
        let data = String(message) == nil ? [] : Array(message)
        actions.append(.send(OptionReply.encode(option, type, data)))
    }

    private mutating func close(_ reason: String, _ actions: inout [Action]) -> Bool {
        state = .finished
        buffer = []
        actions.append(.close(reason))
        return false
    }
}
