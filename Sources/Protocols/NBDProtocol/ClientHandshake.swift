package import WireFormat

/// The client side of the fixed newstyle handshake: bytes in, actions out.
///
///     awaitingGreeting ─▶ awaitingReply(STRUCTURED_REPLY?) ─▶ awaitingReply(GO) ─▶ transmission
///          │                                                        │ ERR_UNSUP
///          └─ server is not "fixed" ─▶ awaitingExport (EXPORT_NAME) ◀┘ ─▶ transmission
///
/// A server that knows no GO, as some web clients that act as one, is asked by EXPORT_NAME; if it
/// then hangs up, it knows no such export, for EXPORT_NAME has no other way to say so.
package struct ClientHandshake: Sendable {
    package enum Action: Equatable, Sendable {
        case send([UInt8])
        /// The connection is in transmission. `leftover` are bytes already past the handshake.
        case ready(ExportInfo, leftover: Bytes)
        /// The server refused, politely: the cause in its own words where it gave any.
        case refused(HandshakeRefusal)
    }

    /// Longest option reply that is believed: an information type and one string.
    package static let maximumReplyBytes = 2 + 2 + Handshake.maximumStringBytes
    /// INFO replies to one GO; the protocol defines four.
    package static let maximumInfoReplies = 64

    private enum State {
        case awaitingGreeting
        case awaitingReply(OptionCode)
        case awaitingExport
        case finished
    }

    private let exportName: String
    private let wantsStructuredReplies: Bool
    private var state = State.awaitingGreeting
    private var buffer: Bytes = []
    private var omitsZeroes = false
    private var hasStructuredReplies = false
    private var answer = InfoReplies()

    /// - Precondition: `exportName` has at most 4096 bytes of UTF-8 and no NUL.
    package init(exportName: String, wantsStructuredReplies: Bool = false) {
        precondition(
            ProtocolString.decode(Array(exportName.utf8)[...]) != nil, "not an export name: \(exportName)")
        self.exportName = exportName
        self.wantsStructuredReplies = wantsStructuredReplies
    }

    /// Feeds whatever bytes have arrived, in any portions.
    ///
    /// - Precondition: no ``Action/ready(_:leftover:)``, refusal or violation came before.
    package mutating func receive(_ bytes: Bytes) throws(ProtocolViolation) -> [Action] {
        if case .finished = state { preconditionFailure("the handshake is over") }
        buffer += bytes
        var actions: [Action] = []
        do throws(ProtocolViolation) {
            while try step(&actions) {}
        } catch {
            state = .finished
            throw error
        }
        return actions
    }

    /// - Returns: whether there may be more to do with the bytes at hand.
    private mutating func step(_ actions: inout [Action]) throws(ProtocolViolation) -> Bool {
        switch state {
        case .awaitingGreeting:
            guard let flags = try takeGreeting() else { return false }
            actions.append(.send(openHaggling(flags)))
        case .awaitingReply(let option):
            guard let reply = try OptionReply.peek(buffer) else { return false }
            guard reply.option == option else {
                throw .broken(
                    rule: "reply to option \(reply.option.rawValue) while \(option.rawValue) is asked")
            }
            guard reply.length <= Self.maximumReplyBytes else {
                throw .broken(
                    rule: "option reply of \(reply.length) bytes, limit \(Self.maximumReplyBytes)")
            }
            let total = Handshake.optionReplyHeaderByteCount + Int(reply.length)
            guard let whole = buffer.take(total) else { return false }
            let data = whole.dropFirst(Handshake.optionReplyHeaderByteCount)
            if option == .structuredReply {
                try handleStructuredReply(reply, &actions)
            } else {
                try handleGoReply(reply, data, &actions)
            }
        case .awaitingExport:
            let padding = omitsZeroes ? 0 : Handshake.exportNamePadding
            guard var header = buffer.take(10 + padding) else { return false }
            let info = try ExportInfo.checked(
                byteCount: header.takeBigEndian(), flags: header.takeBigEndian())
            finish(info, &actions)
        case .finished:
            return false
        }
        return true
    }

    /// Magics, then flags; each is checked as soon as it is there.
    private func checkGreeting() throws(ProtocolViolation) {
        var rest = buffer
        guard rest.count >= 8 else { return }
        let first = rest.takeBigEndian(as: UInt64.self)
        guard first == Handshake.greetingMagic else {
            throw .badMagic(found: first, expected: Handshake.greetingMagic)
        }
        guard rest.count >= 8 else { return }
        let second = rest.takeBigEndian(as: UInt64.self)
        guard second != Handshake.oldstyleMagic else {
            throw .broken(rule: "an oldstyle server, which cannot name exports")
        }
        guard second == Handshake.optionMagic else {
            throw .badMagic(found: second, expected: Handshake.optionMagic)
        }
    }

    private mutating func takeGreeting() throws(ProtocolViolation) -> HandshakeFlags? {
        try checkGreeting()
        guard var greeting = buffer.take(Handshake.greetingByteCount) else { return nil }
        greeting.removeFirst(16)
        // Flags that we do not know are ignored, as the section "Handshake flags" asks.
        return HandshakeFlags(rawValue: UInt32(greeting.takeBigEndian(as: UInt16.self)))
            .intersection(.known)
    }

    private mutating func openHaggling(_ flags: HandshakeFlags) -> [UInt8] {
        omitsZeroes = flags.contains(.noZeroes)
        var bytes: [UInt8] = []
        bytes.appendBigEndian(flags.rawValue)
        guard flags.contains(.fixedNewstyle) else { return bytes + askExportName() }
        return bytes + (wantsStructuredReplies ? ask(.structuredReply) : askGo())
    }

    private mutating func ask(_ option: OptionCode, _ data: [UInt8] = []) -> [UInt8] {
        state = .awaitingReply(option)
        return OptionRequest.encode(option, data)
    }

    private mutating func askGo() -> [UInt8] {
        var data: [UInt8] = []
        data.appendBigEndian(UInt32(exportName.utf8.count))
        data += exportName.utf8
        data.appendBigEndian(UInt16(1))
        data.appendBigEndian(InfoType.blockSize.rawValue)
        return ask(.go, data)
    }

    private mutating func askExportName() -> [UInt8] {
        state = .awaitingExport
        return OptionRequest.encode(.exportName, Array(exportName.utf8))
    }

    private mutating func handleStructuredReply(_ reply: OptionReply, _ actions: inout [Action])
        throws(ProtocolViolation)
    {
        guard reply.type == .acknowledge || reply.type.isError else {
            throw .broken(rule: "reply type \(reply.type.rawValue) to STRUCTURED_REPLY")
        }
        hasStructuredReplies = reply.type == .acknowledge
        actions.append(.send(askGo()))
    }

    private mutating func handleGoReply(_ reply: OptionReply, _ data: Bytes, _ actions: inout [Action])
        throws(ProtocolViolation)
    {
        switch reply.type {
        case .info:
            try answer.add(data)
        case .acknowledge:
            finish(try answer.exportInfo(), &actions)
        case .unsupported:
            actions.append(.send(askExportName()))
        case let type where type.isError:
            guard let message = ProtocolString.decode(data) else {
                throw .broken(rule: "the text of option error \(type.rawValue) is not UTF-8")
            }
            state = .finished
            // A soft disconnect ("Terminating the session"): its answer need not be awaited.
            actions.append(.send(OptionRequest.encode(.abort)))
            actions.append(.refused(HandshakeRefusal(replyType: type.rawValue, message: message)))
        default:
            throw .broken(rule: "reply type \(reply.type.rawValue) to GO")
        }
    }

    private mutating func finish(_ export: ExportInfo, _ actions: inout [Action]) {
        state = .finished
        var info = export
        info.hasStructuredReplies = hasStructuredReplies
        actions.append(.ready(info, leftover: buffer))
        buffer = []
    }
}

/// Why a server turned the client away during option haggling.
package struct HandshakeRefusal: Error, Equatable, Sendable {
    /// The option reply type, bit 31 set (NBD protocol, "Option reply types").
    package var replyType: UInt32
    package var message: String

    package init(replyType: UInt32, message: String) {
        self.replyType = replyType
        self.message = message
    }
}
