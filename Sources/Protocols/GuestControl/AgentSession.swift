package import WireFormat

/// The agent's side of a session: what arrives on the port and from the command goes in, what to do comes out.
///
///     waiting ──token, hello──▶ idle ──run──▶ running ──exited──▶ draining ──drained──▶ idle
///        ▲                        └──────── token or lost: the command is killed ────────┘
package struct AgentSession {
    /// Input that may be on its way to a command that does not read it.
    package static let inputWindowBytes = 256 << 10
    /// Of output, in one frame.
    package static let maximumOutputBytes = 32 << 10

    package enum Action: Equatable, Sendable {
        /// Onto the port, in order.
        case send([UInt8])
        case start(CommandRequest)
        /// To the command's standard input; what it took is to be reported by ``tookInput(byteCount:)``.
        case write([UInt8])
        case closeInput
        case signal(UInt8)
        case resize(rows: UInt16, columns: UInt16)
        /// Ends the command and all it started, at once.
        case kill
        /// What is waiting to be sent is for somebody who has gone.
        case dropUnsent
        case powerOff
    }

    private enum State {
        /// For the token and hello of an operator.
        case waiting
        case idle
        case running(windowBytes: Int, isInputOpen: Bool)
        case draining(CommandEnd)
    }

    private var state = State.waiting
    private var scanner: TokenScanner
    private var decoder = ControlDecoder()
    private let token: SessionToken
    private let kernel: String

    /// - Parameter kernel: release of the running kernel, for the operator.
    package init(token: SessionToken, kernel: String) {
        self.token = token
        self.kernel = kernel
        scanner = TokenScanner(token)
    }

    /// Bytes of the port. Whatever breaks the protocol ends the session.
    package mutating func received(_ chunk: Bytes) -> [Action] {
        var actions: [Action] = []
        var fresh = chunk
        if let end = scanner.endOfLastToken(in: chunk) {
            actions += lost()
            fresh = chunk.dropFirst(end)
            decoder.reset()
            isOpen = true
        }
        guard isOpen else { return actions }
        decoder.append(fresh)
        do throws(ControlViolation) {
            while let message = try decoder.next() { actions += try handle(message) }
        } catch {
            actions.append(.send(ControlMessage.refused(errno: 71, reason: "\(error)").encoded))  // EPROTO.
            actions += lost(dropsUnsent: false)
        }
        return actions
    }

    /// Whether a token has come since the last operator went.
    private var isOpen = false

    /// The operator has gone.
    package mutating func disconnected() -> [Action] { lost() }

    private mutating func lost(dropsUnsent: Bool = true) -> [Action] {
        var actions: [Action] = []
        switch state {
        case .running, .draining: actions = [.kill]
        case .waiting, .idle: break
        }
        if dropsUnsent { actions.append(.dropUnsent) }
        state = .waiting
        isOpen = false
        decoder.reset()
        return actions
    }

    private mutating func handle(_ message: ControlMessage) throws(ControlViolation) -> [Action] {
        switch (state, message) {
        case (.waiting, .hello(let session, let version)):
            guard version == ControlMessage.version else {
                throw .unexpected("version \(version); this agent speaks \(ControlMessage.version)")
            }
            state = .idle
            let ready = ControlMessage.ready(session: session, version: version, kernel: kernel)
            return [.send(token.bytes + ready.encoded)]
        case (.idle, .run(let request)):
            state = .running(windowBytes: Self.inputWindowBytes, isInputOpen: true)
            return [
                .start(request),
                .send(ControlMessage.room(byteCount: UInt32(Self.inputWindowBytes)).encoded),
            ]
        case (.running(let window, true), .input(let bytes)):
            guard bytes.count <= window else {
                throw .unexpected("\(bytes.count) bytes of input, there was room for \(window)")
            }
            state = .running(windowBytes: window - bytes.count, isInputOpen: true)
            return [.write(bytes)]
        case (.running(let window, true), .endOfInput):
            state = .running(windowBytes: window, isInputOpen: false)
            return [.closeInput]
        case (.running, .signal(let number)): return [.signal(number)]
        case (.running, .resize(let rows, let columns)): return [.resize(rows: rows, columns: columns)]
        // On their way while the command ended.
        case (.idle, .input), (.idle, .endOfInput), (.idle, .signal), (.idle, .resize),
            (.draining, .input), (.draining, .endOfInput), (.draining, .signal), (.draining, .resize):
            return []
        case (.waiting, _): throw .unexpected("a session begins with hello")
        case (_, .powerOff): return lost(dropsUnsent: false) + [.powerOff]
        default: throw .unexpected("out of turn")
        }
    }

    // MARK: The command

    /// The command took that much of its input, or will never read it: there is room for more.
    package mutating func tookInput(byteCount: Int) -> [Action] {
        guard case .running(let window, let isOpen) = state, byteCount > 0 else { return [] }
        state = .running(windowBytes: window + byteCount, isInputOpen: isOpen)
        return [.send(ControlMessage.room(byteCount: UInt32(byteCount)).encoded)]
    }

    /// - Parameter bytes: at most ``maximumOutputBytes``.
    package func wrote(_ bytes: [UInt8], to stream: CommandStream) -> [Action] {
        switch state {
        case .running, .draining: [.send(ControlMessage.output(stream, bytes).encoded)]
        case .waiting, .idle: []
        }
    }

    package mutating func failedToStart(errno: Int32, reason: String) -> [Action] {
        guard case .running = state else { return [] }
        state = .idle
        return [.send(ControlMessage.refused(errno: UInt32(errno), reason: reason).encoded)]
    }

    /// The command itself has ended; what it wrote may still be in its pipes.
    package mutating func exited(_ end: CommandEnd) {
        guard case .running = state else { return }
        state = .draining(end)
    }

    /// Everything that was in the pipes when the command ended has been handed to ``wrote(_:to:)``.
    package mutating func drained() -> [Action] {
        guard case .draining(let end) = state else { return [] }
        state = .idle
        return [.send(ControlMessage.ended(end).encoded)]
    }

    /// An operator is there.
    package var isInSession: Bool {
        if case .waiting = state { return false }
        return true
    }

    package var isRunning: Bool {
        if case .running = state { return true }
        return false
    }
}
