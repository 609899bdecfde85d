import GuestControl
import TestSupport
import Testing
import WireFormat

struct AgentSessionTests {
    static let token = SessionToken(Array(100..<116))

    static func opened() -> AgentSession {
        var session = AgentSession(token: token, kernel: "6.1")
        _ = session.received(opening(5)[...])
        return session
    }

    static func opening(_ number: UInt64) -> [UInt8] {
        token.bytes + ControlMessage.hello(session: number, version: ControlMessage.version).encoded
    }

    static func running() -> AgentSession {
        var session = opened()
        _ = session.received(ControlMessage.run(CommandRequest(["cat"])).encoded[...])
        return session
    }

    @Test func `a session opens with token and hello, however they are cut`() {
        for pieces in portions(of: [1, 2, 3] + Self.opening(5)) {
            var session = AgentSession(token: Self.token, kernel: "6.1")
            let actions = pieces.flatMap { session.received($0) }
            let ready = ControlMessage.ready(session: 5, version: 1, kernel: "6.1")
            #expect(actions.last == .send(Self.token.bytes + ready.encoded))
        }
    }

    @Test func `nothing is heard before the token`() {
        var session = AgentSession(token: Self.token, kernel: "6.1")
        #expect(session.received(ControlMessage.hello(session: 1, version: 1).encoded[...]).isEmpty)
        #expect(session.received(ControlMessage.powerOff.encoded[...]).isEmpty)
    }

    @Test func `another version is refused`() {
        var session = AgentSession(token: Self.token, kernel: "6.1")
        let hello = Self.token.bytes + ControlMessage.hello(session: 5, version: 2).encoded
        let answer = session.received(hello[...]).compactMap { action -> ControlMessage? in
            guard case .send(let bytes) = action else { return nil }
            var decoder = ControlDecoder()
            decoder.append(bytes)
            return try? decoder.next()
        }
        #expect(answer == [.refused(errno: 71, reason: "version 2; this agent speaks 1")])
    }

    @Test
    func
        `an operator who comes behind half a frame of another one is heard, and the command of that one dies`()
    {
        let half = ControlMessage.input([UInt8](repeating: 7, count: 1000)).encoded.prefix(500)
        for pieces in portions(of: Array(half) + Self.opening(6)) {
            var session = Self.running()
            let actions = pieces.flatMap { session.received($0) }
            #expect(actions.contains(.kill))
            #expect(actions.contains(.dropUnsent))
            let ready = ControlMessage.ready(session: 6, version: 1, kernel: "6.1")
            #expect(actions.last == .send(Self.token.bytes + ready.encoded))
        }
    }

    @Test func `input beyond the room given ends the session`() {
        var session = Self.running()
        let piece = ControlMessage.input([UInt8](repeating: 0, count: 32 << 10)).encoded
        for _ in 0..<(AgentSession.inputWindowBytes / (32 << 10)) {
            #expect(session.received(piece[...]).contains { if case .write = $0 { true } else { false } })
        }
        #expect(session.received(ControlMessage.input([0]).encoded[...]).contains(.kill))
        #expect(!session.isInSession)
    }

    @Test func `what a command took gives room for as much`() {
        var session = Self.running()
        #expect(session.tookInput(byteCount: 10) == [.send(ControlMessage.room(byteCount: 10).encoded)])
        #expect(session.tookInput(byteCount: 0).isEmpty)
    }

    @Test func `the end is told once, after what was written last`() {
        var session = Self.running()
        session.exited(.exited(3))
        #expect(session.wrote([1], to: .output) == [.send(ControlMessage.output(.output, [1]).encoded)])
        // On its way when the command ended: no fault of the operator's.
        #expect(session.received(ControlMessage.input([1]).encoded[...]).isEmpty)
        #expect(session.drained() == [.send(ControlMessage.ended(.exited(3)).encoded)])
        #expect(session.drained().isEmpty)
        #expect(
            session.received(ControlMessage.run(CommandRequest(["b"])).encoded[...]).first
                == .start(CommandRequest(["b"])))
    }

    @Test func `a lost operator's command is killed, and nothing more is said`() {
        var session = Self.running()
        #expect(session.disconnected() == [.kill, .dropUnsent])
        #expect(session.wrote([1], to: .output).isEmpty)
        session.exited(.killed(signal: 9))
        #expect(session.drained().isEmpty)
    }

    @Test func `a second command has to wait for the end of the first`() {
        var session = Self.running()
        #expect(session.received(ControlMessage.run(CommandRequest(["b"])).encoded[...]).contains(.kill))
    }

    @Test func `what cannot be started leaves the session open`() {
        var session = Self.running()
        #expect(
            session.failedToStart(errno: 2, reason: "no")
                == [.send(ControlMessage.refused(errno: 2, reason: "no").encoded)])
        #expect(session.isInSession && !session.isRunning)
    }

    @Test func `power off is heard while a command runs`() {
        var session = Self.running()
        let actions = session.received(ControlMessage.powerOff.encoded[...])
        #expect(actions == [.kill, .powerOff])
    }
}

struct OperatorSessionTests {
    static let ready = ControlMessage.ready(session: 5, version: 1, kernel: "6.1").encoded

    static func opened() throws -> OperatorSession {
        var session = OperatorSession(token: AgentSessionTests.token, session: 5)
        _ = try session.received((AgentSessionTests.token.bytes + ready)[...])
        return session
    }

    @Test func `what was meant for the operator before is passed over, however it is cut`() throws {
        let old = ControlMessage.output(.output, Array(0..<200)).encoded
        let oldReady = ControlMessage.ready(session: 4, version: 1, kernel: "6.1").encoded
        let stream =
            Array(old.suffix(90)) + AgentSessionTests.token.bytes + oldReady + Array(old.prefix(70))
            + AgentSessionTests.token.bytes + Self.ready
        for pieces in portions(of: Array(stream)) {
            var session = OperatorSession(token: AgentSessionTests.token, session: 5)
            var actions: [OperatorSession.Action] = []
            for piece in pieces { actions += try session.received(piece) }
            #expect(actions == [.ready(kernel: "6.1")])
        }
    }

    @Test func `no more input is sent than there is room for, and its end comes last`() throws {
        var session = try Self.opened()
        _ = session.run(CommandRequest(["cat"]))
        #expect(!session.wantsInput)
        #expect(session.input([1, 2, 3, 4, 5]).isEmpty)
        #expect(session.input([]).isEmpty)
        let first = try session.received(ControlMessage.room(byteCount: 3).encoded[...])
        #expect(first == [.send(ControlMessage.input([1, 2, 3]).encoded)])
        #expect(!session.wantsInput)
        let second = try session.received(ControlMessage.room(byteCount: 9).encoded[...])
        #expect(
            second == [.send(ControlMessage.input([4, 5]).encoded + ControlMessage.endOfInput.encoded)])
        #expect(!session.wantsInput)
    }

    @Test func `output and end come out in order, from frames glued together`() throws {
        var session = try Self.opened()
        _ = session.run(CommandRequest(["x"]))
        let stream =
            ControlMessage.output(.output, [1]).encoded + ControlMessage.output(.error, [2]).encoded
            + ControlMessage.ended(.killed(signal: 15)).encoded
        #expect(
            try session.received(stream[...])
                == [.write(.output, [1]), .write(.error, [2]), .finish(.killed(signal: 15))])
        #expect(CommandEnd.killed(signal: 15).status == 143)
    }

    @Test func `an agent that speaks out of turn is none of ours`() throws {
        var session = try Self.opened()
        #expect(throws: ControlViolation.self) {
            try session.received(ControlMessage.ended(.exited(0)).encoded[...])
        }
    }
}

/// Both ends against each other, with every cut of the stream between them.
struct ConversationTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `input of any size goes through a command that echoes it`(seed: UInt64) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let sent = (0..<Int.random(in: 0...700_000, using: &random)).map {
            UInt8(truncatingIfNeeded: $0 &* 31)
        }
        var agent = AgentSession(token: AgentSessionTests.token, kernel: "6.1")
        var outside = OperatorSession(token: AgentSessionTests.token, session: seed)
        var toAgent = outside.opening
        var toOutside: [UInt8] = []
        var unread = sent[...]
        var echoed: [UInt8] = []
        var end: CommandEnd?
        var turns = 0
        while end == nil {
            turns += 1
            try #require(turns < 100_000)
            let portion = Int.random(in: 1...100_000, using: &random)
            let arriving = toAgent.prefix(portion)
            toAgent.removeFirst(arriving.count)
            var pending = agent.received(arriving)[...]
            while let action = pending.popFirst() {
                switch action {
                case .send(let bytes): toOutside += bytes
                case .write(let bytes):
                    for start in stride(from: 0, to: bytes.count, by: AgentSession.maximumOutputBytes) {
                        let piece = bytes[start..<min(start + AgentSession.maximumOutputBytes, bytes.count)]
                        pending += agent.wrote(Array(piece), to: .output)
                    }
                    pending += agent.tookInput(byteCount: bytes.count)
                case .closeInput:
                    agent.exited(.exited(0))
                    pending += agent.drained()
                default: break
                }
            }
            let answers = toOutside.prefix(portion)
            toOutside.removeFirst(answers.count)
            for action in try outside.received(answers) {
                switch action {
                case .send(let bytes): toAgent += bytes
                case .ready: toAgent += outside.run(CommandRequest(["cat"]))
                case .write(_, let bytes): echoed += bytes
                case .finish(let how): end = how
                case .refused(let reason): Issue.record("refused: \(reason)")
                }
            }
            if outside.wantsInput {
                let piece = unread.prefix(OperatorSession.maximumInputBytes)
                unread.removeFirst(piece.count)
                toAgent += outside.input(Array(piece))
            }
        }
        #expect(end == .exited(0))
        #expect(echoed == sent)
    }
}
