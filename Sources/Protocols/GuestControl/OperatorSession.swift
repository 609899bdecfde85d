package import WireFormat

/// The operator's side of a session in which one command is run, or none.
package struct OperatorSession {
    /// Of input, in one frame.
    package static let maximumInputBytes = 32 << 10

    package enum Action: Equatable, Sendable {
        case send([UInt8])
        /// The agent is up and waits for a command: see ``run(_:)``.
        case ready(kernel: String)
        case write(CommandStream, [UInt8])
        /// The session is over.
        case finish(CommandEnd)
        /// The agent would not start the command, or found fault with the session.
        case refused(String)
    }

    private enum State {
        case opening
        case ready
        case running
        case over
    }

    private var state = State.opening
    private var scanner: TokenScanner
    private var decoder = ControlDecoder()
    private var hasToken = false
    private let token: SessionToken
    private let session: UInt64
    private var roomBytes = 0
    private var pending: Bytes = []
    private var inputEnd = InputEnd.open

    private enum InputEnd { case open, atEnd, sent }

    /// - Parameter session: any number that no other session of this boot has.
    package init(token: SessionToken, session: UInt64) {
        self.token = token
        self.session = session
        scanner = TokenScanner(token)
    }

    /// What to send first.
    package var opening: [UInt8] {
        token.bytes
            + ControlMessage.hello(session: session, version: ControlMessage.version).encoded
    }

    /// - Precondition: the agent is ready, and runs nothing.
    package mutating func run(_ request: CommandRequest) -> [UInt8] {
        guard case .ready = state else { preconditionFailure("no agent is ready") }
        state = .running
        return ControlMessage.run(request).encoded
    }

    // MARK: Input

    /// Whether more input is wanted: what the agent has no room for is kept here, and no more is to be read.
    package var wantsInput: Bool {
        if case .running = state { return pending.isEmpty && roomBytes > 0 && inputEnd == .open }
        return false
    }

    /// - Parameter bytes: empty at the end of input.
    package mutating func input(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.isEmpty { if inputEnd == .open { inputEnd = .atEnd } } else { pending += bytes }
        return flushInput()
    }

    private mutating func flushInput() -> [UInt8] {
        guard case .running = state else { return [] }
        var frames: [UInt8] = []
        while roomBytes > 0, !pending.isEmpty {
            let piece = pending.prefix(min(roomBytes, Self.maximumInputBytes))
            pending.removeFirst(piece.count)
            roomBytes -= piece.count
            frames += ControlMessage.input(Array(piece)).encoded
        }
        if pending.isEmpty, inputEnd == .atEnd {
            inputEnd = .sent
            frames += ControlMessage.endOfInput.encoded
        }
        return frames
    }

    package func signal(_ number: UInt8) -> [UInt8] {
        if case .running = state { return ControlMessage.signal(number).encoded }
        return []
    }

    package func resize(rows: UInt16, columns: UInt16) -> [UInt8] {
        if case .running = state { return ControlMessage.resize(rows: rows, columns: columns).encoded }
        return []
    }

    // MARK: What arrives

    /// - Throws: when the other end is no agent of ours.
    package mutating func received(_ chunk: Bytes) throws(ControlViolation) -> [Action] {
        var fresh = chunk
        if let end = scanner.endOfLastToken(in: chunk), case .opening = state {
            // Before it came what was meant for the operator before us.
            hasToken = true
            decoder.reset()
            fresh = chunk.dropFirst(end)
        }
        guard hasToken else { return [] }
        decoder.append(fresh)
        var actions: [Action] = []
        while let message = try decoder.next() { actions += try handle(message) }
        return actions
    }

    private mutating func handle(_ message: ControlMessage) throws(ControlViolation) -> [Action] {
        switch (state, message) {
        case (.opening, .ready(let echoed, let version, let kernel)):
            // The answer to an operator who has gone again.
            guard echoed == session else { return [] }
            guard version == ControlMessage.version else { throw .unexpected("version \(version)") }
            state = .ready
            return [.ready(kernel: kernel)]
        case (.opening, _): return []
        case (.running, .room(let byteCount)):
            roomBytes += Int(byteCount)
            let frames = flushInput()
            return frames.isEmpty ? [] : [.send(frames)]
        case (.running, .output(let stream, let bytes)): return [.write(stream, bytes)]
        case (.running, .ended(let end)):
            state = .over
            return [.finish(end)]
        case (_, .refused(_, let reason)):
            state = .over
            return [.refused(reason)]
        case (.over, _): return []
        default: throw .unexpected("the agent spoke out of turn")
        }
    }
}
