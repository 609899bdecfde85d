/// Takes the frames of a WebSocket apart as their bytes come (RFC 6455 §5.2):
///
///     | FIN 1, RSV 3, opcode 4 bits | MASK 1, length 7 bits | length u16 or u64 | mask 4 bytes | payload |
///
/// Data is given on as it comes, before its frame is whole and without its bounds: what is carried here has bounds
/// of its own. It is copied once, its mask taken off on the way.
struct WebSocketFrameReader {
    enum Frame: Equatable {
        /// A piece of a binary message.
        case data([UInt8])
        case ping([UInt8])
        case pong
        /// What stands in it; may be empty.
        case close([UInt8])
    }

    /// The peer broke the protocol, or one of our limits.
    enum Violation: Error, Equatable {
        case malformed(String)
        case text
        case tooLong
    }

    enum Opcode: UInt8 {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10

        var isControl: Bool { rawValue >= 8 }
    }

    private struct Payload {
        let opcode: Opcode
        var left: UInt64
        var mask: WebSocketMask
        /// Of a control frame, which is used whole.
        var control: [UInt8] = []
    }

    private let expectsMask: Bool
    private let maximumFrameBytes: Int
    /// Of a head that is not whole: 14 bytes at most.
    private var head: [UInt8] = []
    private var payload: Payload?
    /// Between the first fragment of a message and its last.
    private var isInMessage = false

    static let maximumControlBytes = 125

    /// - Parameter expectsMask: of everything that a client sends, and of nothing that a server sends.
    init(expectsMask: Bool, maximumFrameBytes: Int) {
        self.expectsMask = expectsMask
        self.maximumFrameBytes = maximumFrameBytes
        head.reserveCapacity(14)
    }

    /// - Parameter handle: takes frames, in order; may come to be called for none.
    mutating func read(_ bytes: UnsafeRawBufferPointer, _ handle: (Frame) -> Void) throws(Violation) {
        var rest = bytes[...]
        while true {
            if payload == nil {
                guard try takeHead(&rest) else { return }
            }
            guard try takePayload(&rest, handle) else { return }
        }
    }

    // MARK: Head

    /// - Returns: `false` when it is not whole.
    private mutating func takeHead(_ rest: inout Slice<UnsafeRawBufferPointer>) throws(Violation) -> Bool {
        while true {
            let missing = Self.headByteCount(head) - head.count
            if missing == 0 { break }
            guard !rest.isEmpty else { return false }
            head += rest.prefix(missing)
            rest = rest.dropFirst(missing)
        }
        defer { head.removeAll(keepingCapacity: true) }
        let first = head[0]
        guard first & 0x70 == 0 else { throw .malformed("bits that were not agreed on") }
        guard let opcode = Opcode(rawValue: first & 0x0F) else {
            throw .malformed("an unknown kind of frame")
        }
        guard (head[1] & 0x80 != 0) == expectsMask else {
            throw .malformed(expectsMask ? "no mask" : "a mask from a server")
        }
        let length = try payloadLength()
        try check(opcode, isFinal: first & 0x80 != 0, length)
        var key: UInt32 = 0
        if expectsMask { for byte in head.suffix(4).reversed() { key = key << 8 | UInt32(byte) } }
        payload = Payload(opcode: opcode, left: length, mask: WebSocketMask(key: key))
        return true
    }

    /// As far as it can be told from its first bytes.
    private static func headByteCount(_ head: [UInt8]) -> Int {
        guard head.count >= 2 else { return 2 }
        let extended =
            switch head[1] & 0x7F {
            case 126: 2
            case 127: 8
            default: 0
            }
        return 2 + extended + (head[1] & 0x80 != 0 ? 4 : 0)
    }

    private func payloadLength() throws(Violation) -> UInt64 {
        let short = UInt64(head[1] & 0x7F)
        guard short > 125 else { return short }
        let byteCount = short == 126 ? 2 : 8
        let length = head[2..<(2 + byteCount)].reduce(0) { $0 << 8 | UInt64($1) }
        let isShortest = byteCount == 2 ? length > 125 : length > 0xFFFF
        guard isShortest, length >> 63 == 0 else { throw .malformed("a length that is not its shortest") }
        return length
    }

    private mutating func check(_ opcode: Opcode, isFinal: Bool, _ length: UInt64) throws(Violation) {
        if opcode.isControl {
            guard isFinal, length <= Self.maximumControlBytes else {
                throw .malformed("a control frame in parts, or too long")
            }
            return
        }
        guard opcode != .text else { throw .text }
        guard (opcode == .continuation) == isInMessage else { throw .malformed("parts out of order") }
        guard length <= UInt64(maximumFrameBytes) else { throw .tooLong }
        isInMessage = !isFinal
    }

    // MARK: Payload

    /// - Returns: `false` when it is not whole.
    private mutating func takePayload(
        _ rest: inout Slice<UnsafeRawBufferPointer>, _ handle: (Frame) -> Void
    ) throws(Violation) -> Bool {
        guard var payload else { return false }
        let count = Int(min(payload.left, UInt64(rest.count)))
        if count > 0 {
            let source = UnsafeRawBufferPointer(rebasing: rest.prefix(count))
            let piece = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
                payload.mask.copy(source, to: UnsafeMutableRawPointer(target.baseAddress!))
                initialized = count
            }
            rest = rest.dropFirst(count)
            payload.left -= UInt64(count)
            if payload.opcode.isControl { payload.control += piece } else { handle(.data(piece)) }
        }
        guard payload.left == 0 else {
            self.payload = payload
            return false
        }
        self.payload = nil
        switch payload.opcode {
        case .ping: handle(.ping(payload.control))
        case .pong: handle(.pong)
        case .close: handle(.close(payload.control))
        case .continuation, .text, .binary: break
        }
        return true
    }
}
