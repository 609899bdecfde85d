internal import WireFormat

/// What is said between the one who operates a rig and the agent inside it, over one stream of bytes
/// each way (a virtio-serial port):
///
///     | magic u16 0x4D52 | kind u8 | 0 u8 | payload byte count u32 | payload |
///
/// all big-endian. One command runs at a time. A session begins, each way, with the token of the boot: see
/// ``SessionToken``.
package enum ControlMessage: Equatable, Sendable {
    /// Operator: begins a session. The agent echoes `session` in ``ready(session:version:kernel:)``.
    case hello(session: UInt64, version: UInt16)
    /// Operator: starts a command.
    case run(CommandRequest)
    /// Operator: for the command's standard input; never more than the agent has given room for.
    case input([UInt8])
    /// Operator: the end of the command's standard input.
    case endOfInput
    /// Operator: a signal for the command and all it started, by its number on Linux.
    case signal(UInt8)
    /// Operator: its terminal has another size now.
    case resize(rows: UInt16, columns: UInt16)
    /// Operator: everything stops, and the machine goes off.
    case powerOff

    /// Agent: up, and nothing runs.
    case ready(session: UInt64, version: UInt16, kernel: String)
    /// Agent: so many more bytes of input may be sent.
    case room(byteCount: UInt32)
    /// Agent: what the command wrote.
    case output(CommandStream, [UInt8])
    /// Agent: the command is over, and all its output has been sent.
    case ended(CommandEnd)
    /// Agent: the command could not be started, in words.
    case refused(errno: UInt32, reason: String)

    /// The version of all this; another one is refused.
    package static let version: UInt16 = 1
}

/// Where a command wrote.
package enum CommandStream: UInt8, Sendable {
    case output = 1
    case error = 2
}

/// How a command ended.
package enum CommandEnd: Equatable, Sendable {
    case exited(UInt8)
    case killed(signal: UInt8)

    /// As a shell says it: 128 and the signal for what was killed.
    package var status: Int32 {
        switch self {
        case .exited(let status): Int32(status)
        case .killed(let signal): 128 + Int32(signal)
        }
    }
}

/// A command to be run in the guest.
package struct CommandRequest: Equatable, Sendable {
    /// The program first, looked up in PATH of `environment` unless it has a slash.
    package var arguments: [String]
    /// "NAME=VALUE"; nothing else is set.
    package var environment: [String]
    /// Where it starts.
    package var folder: String
    /// With a terminal, which is then standard output and error in one, or with pipes.
    package var terminal: TerminalSize?

    package struct TerminalSize: Equatable, Sendable {
        package var rows: UInt16
        package var columns: UInt16

        package init(rows: UInt16, columns: UInt16) {
            self.rows = rows
            self.columns = columns
        }
    }

    package init(
        _ arguments: [String], environment: [String] = [], folder: String = "/",
        terminal: TerminalSize? = nil
    ) {
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
        self.terminal = terminal
    }
}

/// The other end does not speak this protocol, or broke a rule of it.
package enum ControlViolation: Error, Equatable, Sendable, CustomStringConvertible {
    case badMagic(UInt16)
    case tooLong(kind: UInt8, byteCount: UInt32)
    case unknownKind(UInt8)
    case malformed(kind: UInt8)
    /// Not allowed in the state that the session is in.
    case unexpected(String)

    package var description: String {
        switch self {
        case .badMagic(let found): "no frame begins with 0x\(String(found, radix: 16))"
        case .tooLong(let kind, let byteCount): "frame of kind \(kind) has \(byteCount) bytes"
        case .unknownKind(let kind): "unknown kind of frame \(kind)"
        case .malformed(let kind): "malformed frame of kind \(kind)"
        case .unexpected(let what): what
        }
    }
}

/// Frames off the front of what has arrived so far.
package struct ControlDecoder: Sendable {
    /// Of a payload. Data is cut into pieces far smaller; arguments and environment must fit.
    package static let maximumPayloadBytes = 1 << 20
    private var buffer: Bytes = []

    package init() {}

    package mutating func append(_ bytes: some Collection<UInt8>) { buffer.append(contentsOf: bytes) }

    /// Forgets what has not been taken.
    package mutating func reset() { buffer = [] }

    /// - Returns: `nil` until a whole frame has arrived.
    /// - Throws: when framing is lost; nothing after that makes sense.
    package mutating func next() throws(ControlViolation) -> ControlMessage? {
        guard buffer.count >= ControlMessage.headerBytes else { return nil }
        var rest = buffer
        let magic = rest.takeBigEndian(as: UInt16.self)
        guard magic == ControlMessage.magic else { throw .badMagic(magic) }
        let kind = rest.takeBigEndian(as: UInt8.self)
        guard rest.takeBigEndian(as: UInt8.self) == 0 else { throw .malformed(kind: kind) }
        let byteCount = rest.takeBigEndian(as: UInt32.self)
        guard byteCount <= Self.maximumPayloadBytes else {
            throw .tooLong(kind: kind, byteCount: byteCount)
        }
        guard let payload = rest.take(Int(byteCount)) else { return nil }
        buffer = rest.isEmpty ? [] : rest
        return try ControlMessage(kind: kind, payload: payload)
    }
}
