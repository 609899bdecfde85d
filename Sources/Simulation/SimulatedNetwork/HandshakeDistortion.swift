import FaultPoints
import NBDProtocol
import WireFormat

/// A handshake as faults want it: what a sound server would say, rewritten.
struct HandshakeDistortion {
    private enum Greeting { case usual, wrongFirstMagic, wrongSecondMagic, oldStyle, unknownFlags }
    private var greeting = Greeting.usual
    /// Of every answer from the one on that met the fault.
    private var lies: [(field: String, value: Int64)] = []
    private var omitsExport = false
    /// Of the next answer alone.
    private var header: (word: String, value: Int64)?
    private var error: OptionReplyType?

    private static let absurdLength: Int64 = 0x7FFF_FFFF

    var isOldStyle: Bool { greeting == .oldStyle }

    mutating func add(_ action: FaultAction) {
        switch action {
        case .special("wrong-magic-1", _): greeting = .wrongFirstMagic
        case .special("wrong-magic-2", _): greeting = .wrongSecondMagic
        case .special("old-style", _): greeting = .oldStyle
        case .special("unknown-flags", _): greeting = .unknownFlags
        case .special("option-error", let code): error = OptionReplyType(rawValue: 1 << 31 | UInt32(code))
        case .special("missing-info", _): omitsExport = true
        case .special(let word, let value): header = (word, value)
        case .lie(let field, let value): lies.append((field, value))
        default: preconditionFailure("\(action) is no distortion of a handshake")
        }
    }

    func greeting(for export: Export) -> [UInt8] {
        var bytes = ServerHandshake.greeting
        switch greeting {
        case .usual: break
        case .wrongFirstMagic: bytes[0] ^= 0xFF
        case .wrongSecondMagic: bytes[8] ^= 0xFF
        case .unknownFlags: bytes.replaceSubrange(16..<18, with: [0xFF, 0xFF])
        case .oldStyle:
            bytes = Array(bytes.prefix(8))
            bytes.appendBigEndian(Handshake.oldstyleMagic)
            bytes.appendBigEndian(export.byteCount)
            bytes.appendBigEndian(UInt32(export.flags.rawValue))
            bytes += [UInt8](repeating: 0, count: Handshake.exportNamePadding)
        }
        return bytes
    }

    /// An answer rewritten.
    ///
    /// - Returns: the bytes, none of them where only hanging up is left; and whether they refuse what the
    ///   sound answer granted.
    mutating func answer(_ sound: [UInt8]) -> (bytes: [UInt8], isRefusal: Bool) {
        guard let first = try? OptionReply.peek(sound[...]) else {
            // EXPORT_NAME has no header, and no error either.
            guard error.take() == nil else { return ([], true) }
            var bytes = sound
            for lie in lies where Self.isOfExport(lie.field) {
                bytes.put(lie.value, Self.place(of: lie.field, sizeAt: 0))
            }
            return (bytes, false)
        }
        let refusal = error.take()
        var bytes = refusal.map { OptionReply.encode(first.option, $0) } ?? rewriteReplies(sound)
        if let header = header.take() {
            switch header.word {
            case "option-reply-magic": bytes[0] ^= 0xFF
            case "option-reply-option": bytes.put(header.value, (8, 4))
            default: bytes.put(header.value > 0 ? header.value : Self.absurdLength, (16, 4))
            }
        }
        return (bytes, refusal != nil)
    }

    private func rewriteReplies(_ sound: [UInt8]) -> [UInt8] {
        var rest = sound[...]
        var bytes: [UInt8] = []
        while let reply = try? OptionReply.peek(rest) {
            let headerBytes = Handshake.optionReplyHeaderByteCount
            guard let whole = rest.take(headerBytes + Int(reply.length)) else { break }
            var part = Array(whole)
            guard reply.type == .info, reply.length >= 2 else {
                bytes += part
                continue
            }
            var data = whole.dropFirst(headerBytes)
            let type = InfoType(rawValue: data.takeBigEndian())
            if type == .export, omitsExport { continue }
            for lie in lies where type == (Self.isOfExport(lie.field) ? .export : .blockSize) {
                part.put(lie.value, Self.place(of: lie.field, sizeAt: headerBytes + 2))
            }
            bytes += part
        }
        return bytes
    }

    private static func isOfExport(_ field: String) -> Bool { field == "size" || field == "flags" }

    /// Offset and length of a field, from where the first of its information stands.
    private static func place(of field: String, sizeAt start: Int) -> (Int, Int) {
        switch field {
        case "size": (start, 8)
        case "flags": (start + 8, 2)
        case "min-block": (start, 4)
        case "preferred-block": (start + 4, 4)
        default: (start + 8, 4)
        }
    }
}

extension [UInt8] {
    /// Puts the low bytes of a number there, big-endian.
    fileprivate mutating func put(_ value: Int64, _ place: (offset: Int, byteCount: Int)) {
        guard place.offset + place.byteCount <= count else { return }
        for index in 0..<place.byteCount {
            let shift = 8 * (place.byteCount - 1 - index)
            self[place.offset + index] = UInt8(truncatingIfNeeded: value >> shift)
        }
    }
}
