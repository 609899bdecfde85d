internal import WireFormat

// How messages look on the wire. A text is its byte count u32 and its bytes in UTF-8; a list of texts is
// their count u32 and they.
extension ControlMessage {
    static let magic: UInt16 = 0x4D52
    static let headerBytes = 8

    private var kind: UInt8 {
        switch self {
        case .hello: 1
        case .run: 2
        case .input: 3
        case .endOfInput: 4
        case .signal: 5
        case .resize: 6
        case .powerOff: 7
        case .ready: 65
        case .room: 66
        case .output: 67
        case .ended: 68
        case .refused: 69
        }
    }

    /// The whole frame.
    package var encoded: [UInt8] {
        var payload: [UInt8] = []
        switch self {
        case .hello(let session, let version):
            payload.appendBigEndian(session)
            payload.appendBigEndian(version)
        case .run(let request): request.encode(into: &payload)
        case .input(let bytes): payload = bytes
        case .endOfInput, .powerOff: break
        case .signal(let number): payload.append(number)
        case .resize(let rows, let columns):
            payload.appendBigEndian(rows)
            payload.appendBigEndian(columns)
        case .ready(let session, let version, let kernel):
            payload.appendBigEndian(session)
            payload.appendBigEndian(version)
            payload.append(text: kernel)
        case .room(let byteCount): payload.appendBigEndian(byteCount)
        case .output(let stream, let bytes): payload = [stream.rawValue] + bytes
        case .ended(.exited(let status)): payload = [0, status]
        case .ended(.killed(let signal)): payload = [1, signal]
        case .refused(let errno, let reason):
            payload.appendBigEndian(errno)
            payload.append(text: reason)
        }
        var frame: [UInt8] = []
        frame.reserveCapacity(Self.headerBytes + payload.count)
        frame.appendBigEndian(Self.magic)
        frame.append(kind)
        frame.append(0)
        frame.appendBigEndian(UInt32(payload.count))
        return frame + payload
    }

    init(kind: UInt8, payload: Bytes) throws(ControlViolation) {
        var rest = payload
        guard let message = try Self.message(kind, &rest), rest.isEmpty else {
            throw .malformed(kind: kind)
        }
        self = message
    }

    /// - Returns: `nil` when the payload is not what its kind demands; what is left over stays in `rest`.
    private static func message(_ kind: UInt8, _ rest: inout Bytes) throws(ControlViolation)
        -> ControlMessage?
    {
        switch kind {
        case 1:
            guard rest.count >= 10 else { return nil }
            return .hello(session: rest.takeBigEndian(), version: rest.takeBigEndian())
        case 2: return CommandRequest(from: &rest).map(ControlMessage.run)
        case 3:
            defer { rest = [] }
            return .input(Array(rest))
        case 4: return .endOfInput
        case 5: return rest.popFirst().map(ControlMessage.signal)
        case 6:
            guard rest.count >= 4 else { return nil }
            return .resize(rows: rest.takeBigEndian(), columns: rest.takeBigEndian())
        case 7: return .powerOff
        case 65:
            guard rest.count >= 10 else { return nil }
            let session = rest.takeBigEndian(as: UInt64.self)
            let version = rest.takeBigEndian(as: UInt16.self)
            return rest.takeText().map { .ready(session: session, version: version, kernel: $0) }
        case 66:
            guard rest.count >= 4 else { return nil }
            return .room(byteCount: rest.takeBigEndian())
        case 67:
            guard let stream = rest.popFirst().flatMap(CommandStream.init) else { return nil }
            defer { rest = [] }
            return .output(stream, Array(rest))
        case 68:
            guard rest.count == 2, let how = rest.popFirst(), let number = rest.popFirst(), how <= 1 else {
                return nil
            }
            return .ended(how == 0 ? .exited(number) : .killed(signal: number))
        case 69:
            guard rest.count >= 4 else { return nil }
            let errno = rest.takeBigEndian(as: UInt32.self)
            return rest.takeText().map { .refused(errno: errno, reason: $0) }
        default: throw .unknownKind(kind)
        }
    }
}

extension CommandRequest {
    fileprivate func encode(into payload: inout [UInt8]) {
        payload.appendBigEndian(terminal?.rows ?? 0)
        payload.appendBigEndian(terminal?.columns ?? 0)
        payload.append(terminal == nil ? 0 : 1)
        payload.append(text: folder)
        for list in [arguments, environment] {
            payload.appendBigEndian(UInt32(list.count))
            for text in list { payload.append(text: text) }
        }
    }

    fileprivate init?(from rest: inout Bytes) {
        guard rest.count >= 5 else { return nil }
        let size = TerminalSize(rows: rest.takeBigEndian(), columns: rest.takeBigEndian())
        let hasTerminal = rest.takeBigEndian(as: UInt8.self)
        guard hasTerminal <= 1, let folder = rest.takeText(), let arguments = rest.takeTexts(),
            let environment = rest.takeTexts(), !arguments.isEmpty
        else { return nil }
        self.init(
            arguments, environment: environment, folder: folder, terminal: hasTerminal == 1 ? size : nil)
    }
}

extension [UInt8] {
    fileprivate mutating func append(text: String) {
        appendBigEndian(UInt32(text.utf8.count))
        append(contentsOf: text.utf8)
    }
}

extension Bytes {
    fileprivate mutating func takeText() -> String? {
        guard count >= 4 else { return nil }
        let byteCount = takeBigEndian(as: UInt32.self)
        guard let bytes = take(Int(byteCount)) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    fileprivate mutating func takeTexts() -> [String]? {
        guard count >= 4 else { return nil }
        let textCount = takeBigEndian(as: UInt32.self)
        // Each has at least its byte count.
        guard Int(textCount) * 4 <= count else { return nil }
        var texts: [String] = []
        for _ in 0..<textCount {
            guard let text = takeText() else { return nil }
            texts.append(text)
        }
        return texts
    }
}
