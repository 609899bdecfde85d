import BlockStorage
import FaultPoints
import NBDProtocol
import NBDServer
import Synchronization
import VirtualMedia

/// The transmission phase of one connection: one task receives, and each request that has to wait has
/// a task of its own.
final class ServedTransmission: Sendable {
    fileprivate struct State: ~Copyable {
        var transmission: ServerTransmission
        /// The loop, while it waits for a request to be finished.
        var idle: CheckedContinuation<Void, Never>?
        /// A request was finished since the loop looked last.
        var hasNews = false
        /// Replies that let others pass, and after how many of all replies their turn comes.
        var passed: [(due: Int, reply: Reply)] = []
        var sentReplies = 0
        var isShuttingDown = false
    }

    /// Memory of the transmission that only the receiving loop touches between two of its calls.
    private struct Target: @unchecked Sendable {
        let memory: UnsafeMutableRawBufferPointer
    }

    /// How long a reply lets others pass; shorter than any limit of a client's.
    static let overtakingTime = Duration.seconds(1)

    fileprivate struct Reply: Sendable {
        var bytes: [UInt8]
        var portionBytes: Int
    }

    private let connection: ServedConnection.Parts
    private let run: RequestRun
    private let state: Mutex<State>

    init(_ connection: ServedConnection.Parts, _ transmission: consuming ServerTransmission) {
        self.connection = connection
        let service = connection.service
        run = RequestRun(
            store: service.store,
            execution: RequestExecution(store: service.store, replies: transmission.replies),
            replies: transmission.replies, earlier: service.earlier)
        state = Mutex(State(transmission: transmission))
    }

    func serve() async -> ConnectionEnd {
        while true {
            state.withLock { $0.hasNews = false }
            while let step = state.withLock({ $0.transmission.next() }) { await perform(step) }
            let (end, isOver, wantsInput) = state.withLock {
                ($0.transmission.end, $0.transmission.isOver, $0.transmission.wantsInput)
            }
            if isOver, let end { return end }
            if wantsInput { await receiveMore() } else { await waitForFinish() }
        }
    }

    private func receiveMore() async {
        let target = state.withLock { Target(memory: $0.transmission.receiveTarget()) }
        let count: Int
        do throws(SystemError) { count = try await connection.channel.read(into: target.memory) } catch {
            count = 0
        }
        state.withLock { $0.transmission.received(count) }
    }

    private func perform(_ step: ServerTransmission.Step) async {
        switch step {
        case .reply(let request, let bytes):
            await answer(request, bytes, dataBytes: 0, ReplyFate(), behind: sentReplies)
        case .carryOut(let accepted):
            let actions = meet(NetworkFaults.word(for: accepted.request.command), accepted.request)
            let sentReplies = sentReplies
            // A store that never suspends is served in order, by this task alone.
            if actions.isEmpty, connection.service.store.directAccess != nil {
                return await carryOut(accepted, actions, behind: sentReplies)
            }
            connection.tasks.spawn("\(connection.name) request") { [self] in
                await carryOut(accepted, actions, behind: sentReplies)
            }
        }
    }

    private var sentReplies: Int { state.withLock { $0.sentReplies } }

    /// - Parameter sent: replies that had been sent when it arrived.
    private func carryOut(_ accepted: AcceptedRequest, _ actions: [FaultAction], behind sent: Int) async {
        var fate = RequestFate()
        if state.withLock({ $0.isShuttingDown }) { fate.deed = .shutDown }
        var isWanted = true
        for action in actions where isWanted {
            if let lives = await connection.patience.wait(for: action) {
                isWanted = lives
            } else {
                fate.add(action)
            }
        }
        if isWanted {
            if case .shutDown = fate.deed { state.withLock { $0.isShuttingDown = true } }
            // What is never answered is not carried out either, nor a change whose client has left: it cannot
            // count on it, and whoever came after it may have written there since. A browser, whose next
            // WebSocket opens only after the last one's messages, cannot mix them either.
            let isLate = accepted.request.command != .read && connection.channel.isPeerGone
            if !fate.reply.isDropped, !isLate {
                let (bytes, dataBytes) = await run.outcome(accepted, fate)
                await answer(accepted.request, bytes, dataBytes: dataBytes, fate.reply, behind: sent)
            }
        }
        let idle = state.withLock { state in
            state.transmission.finished(accepted)
            state.hasNews = true
            return state.idle.take()
        }
        idle?.resume()
    }

    private func waitForFinish() async {
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                if !state.hasNews { state.idle = continuation }
                return !state.hasNews
            }
            if !mustWait { continuation.resume() }
        }
    }

    private func meet(_ operation: String, _ request: Request) -> [FaultAction] {
        let (end, isPastEnd) = request.offset.addingReportingOverflow(UInt64(request.length))
        let direction: FaultOccasion.Direction = request.command == .read ? .down : .up
        return connection.meet(operation, request.offset..<(isPastEnd ? .max : end), direction)
    }
}

// Replies.
extension ServedTransmission {
    private func answer(
        _ request: Request, _ sound: [UInt8], dataBytes: Int, _ fate: ReplyFate, behind sent: Int
    )
        async
    {
        var fate = fate
        var bytes = sound
        for action in meet("reply", request) {
            if let lives = await connection.patience.wait(for: action) {
                guard lives else { return }
            } else if case .corrupt(let corruption) = action {
                await run.corrupt(&bytes, dataBytes, corruption, request)
            } else {
                fate.add(action)
            }
        }
        guard !fate.isDropped else { return }
        bytes = fate.distort(bytes, dataBytes: dataBytes, request, run.replies)
        if let (cut, afterBytes) = fate.cut { await connection.outlet.cut(cut, afterBytes: afterBytes) }
        if fate.missingBytes != nil { await connection.outlet.cut(.close, afterBytes: bytes.count) }
        let reply = Reply(bytes: bytes, portionBytes: fate.portionBytes)
        // Those that came later and were answered sooner have passed already.
        let due = sent + fate.behind
        let mustWait = state.withLock { state in
            guard fate.behind > 0, due > state.sentReplies else { return false }
            state.passed.append((due, reply))
            return true
        }
        if mustWait {
            await sendUnlessOvertaken(within: Self.overtakingTime, due: due)
        } else {
            await send(reply)
        }
        while let late = state.withLock({ $0.takeLate() }) { await send(late) }
    }

    /// Nobody may ask for more before this answer: then there is nothing that could overtake it.
    private func sendUnlessOvertaken(within time: Duration, due: Int) async {
        guard await connection.patience.wait(time) else { return }
        let stayed = state.withLock { state -> Reply? in
            guard let index = state.passed.firstIndex(where: { $0.due == due }) else { return nil }
            return state.passed.remove(at: index).reply
        }
        if let stayed { await send(stayed) }
    }

    private func send(_ reply: Reply) async {
        do throws(SystemError) {
            try await connection.outlet.send(reply.bytes, portionBytes: reply.portionBytes)
        } catch {
            state.withLock { $0.transmission.finish(.hungUp) }
        }
        state.withLock { $0.sentReplies += 1 }
    }
}

extension ServedTransmission.State {
    /// The first reply that has let enough others pass.
    fileprivate mutating func takeLate() -> ServedTransmission.Reply? {
        guard let index = passed.firstIndex(where: { $0.due <= sentReplies }) else { return nil }
        return passed.remove(at: index).reply
    }
}

extension NetworkFaults {
    /// The name of a command in faults.
    static func word(for command: Command) -> String {
        switch command {
        case .read: "read"
        case .write: "write"
        case .flush: "flush"
        case .trim: "trim"
        case .writeZeroes: "write-zeroes"
        case .cache: "cache"
        default: "block-status"
        }
    }
}
