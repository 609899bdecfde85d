import FaultPoints
import Glibc
import Threads

/// Where operations wait that a fault delays or holds. Waiting takes no thread: what is over is carried out
/// by a few threads of the room's own, so that ten thousand can wait as well as one.
package final class WaitingRoom: Sendable {
    /// Threads that carry out what waited.
    package static let threadCount = 2
    /// More operations than this do not wait at once: they fail with EBUSY.
    package static let maximumWaiting = 16_384
    /// A thread without work looks again after this.
    private static let idleTime = Duration.seconds(3600)

    /// How a wait ended.
    package enum End: Equatable, Sendable {
        case over
        /// The client was interrupted.
        case interrupted
        case failed(Errno)
    }

    private struct Entry {
        let waiting: Waiting
        /// `nil`: goes on to what holds it next.
        let end: End?
    }

    private struct State {
        var entries = DueQueue<Entry>()
        var waiting: [Int: Waiting] = [:]
        var counter = 0
        var threadCount = 0
        var runningCount = 0
        var hang = FaultHold()
        var isClosed = false
    }

    private enum Step {
        case carryOut(Entry)
        case lookAgain
        case leave
    }

    private let state = Monitor(State())

    package init() {}

    /// Waits as `plan` says, then calls `body` once: at once and on this thread when nothing keeps it.
    ///
    /// - Parameter pace: What its bandwidth costs it, in time from now on.
    /// - Returns: the wait, for whoever may interrupt it; `nil` when `body` was called.
    @discardableResult
    package func wait(
        for plan: OperationPlan, pace: Duration = .zero, _ body: @escaping @Sendable (End) -> Void
    ) -> Waiting? {
        let admission = state.withLock { state -> (Waiting?, Errno?) in
            if state.isClosed { return (nil, Errno(ENOTCONN)) }
            if state.waiting.count >= Self.maximumWaiting { return (nil, Errno(EBUSY)) }
            state.counter += 1
            let waiting = Waiting(
                number: state.counter, holds: plan.holds + (plan.hangs ? [state.hang] : []),
                survivesInterruption: plan.survivesInterruption, room: self, body)
            state.waiting[waiting.number] = waiting
            return (waiting, nil)
        }
        guard let waiting = admission.0 else {
            body(.failed(admission.1 ?? Errno(EBUSY)))
            return nil
        }
        let time = max(plan.delay, pace)
        if time > .zero { enter(waiting, in: time, nil) } else { proceed(waiting) }
        return waiting
    }

    /// The same for a thread that may block.
    package func waitBlocking(for plan: OperationPlan, pace: Duration = .zero) -> End {
        let outcome = Monitor<End?>(nil)
        wait(for: plan, pace: pace) { end in outcome.change { $0 = end } }
        return outcome.wait { $0 }
    }

    /// Operations that wait now.
    package var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Ends every wait so.
    package func endAll(with failure: Errno) {
        let waiting = state.withLock { $0.waiting.values.sorted { $0.number < $1.number } }
        for one in waiting { enter(one, in: .zero, .failed(failure)) }
    }

    /// Lets those go on that wait for the store to be healed.
    package func endHangs() {
        let hang = state.withLock { state in
            defer { state.hang = FaultHold() }
            return state.hang
        }
        hang.release()
    }

    /// Ends every wait, and lets nobody wait again.
    package func stop() {
        state.change { $0.isClosed = true }
        endAll(with: Errno(ENOTCONN))
    }

    /// - Returns: whether nobody waits any more, and nothing that waited is still being carried out.
    package func waitUntilEmpty(atMost time: Duration) -> Bool {
        state.wait(atMost: time) { $0.waiting.isEmpty && $0.runningCount == 0 ? true : nil } ?? false
    }

    // MARK: For a wait

    /// May be called with any lock held: it only makes a note.
    fileprivate func enter(_ waiting: Waiting, in time: Duration, _ end: End?) {
        let needsThread = state.change { state in
            state.entries.insert(Entry(waiting: waiting, end: end), due: Monotonic.now + time)
            let needsThread = state.threadCount < Self.threadCount
            if needsThread { state.threadCount += 1 }
            return needsThread
        }
        guard needsThread, !BlockingThread.start("store late", { [self] in work() }) else { return }
        state.withLock { $0.threadCount -= 1 }
    }

    fileprivate func proceed(_ waiting: Waiting) {
        if let hold = waiting.nextHold() {
            hold.whenReleased { [self] in enter(waiting, in: .zero, nil) }
        } else {
            end(waiting, .over)
        }
    }

    private func end(_ waiting: Waiting, _ end: End) {
        guard let body = waiting.takeBody() else { return }
        state.withLock { $0.runningCount += 1 }
        body(end)
        state.change { state in
            state.runningCount -= 1
            state.waiting.removeValue(forKey: waiting.number)
        }
    }

    private func work() {
        while true {
            let deadline = state.withLock { $0.entries.firstDue } ?? Monotonic.now + Self.idleTime
            let step = state.wait(atMost: deadline - Monotonic.now) { state -> Step? in
                if let due = state.entries.firstDue {
                    if due <= Monotonic.now { return .carryOut(state.entries.removeFirst()) }
                    if due < deadline { return .lookAgain }
                }
                return state.isClosed && state.waiting.isEmpty ? .leave : nil
            }
            switch step {
            case .carryOut(let entry):
                if let end = entry.end { self.end(entry.waiting, end) } else { proceed(entry.waiting) }
            case .leave:
                state.change { $0.threadCount -= 1 }
                return
            case .lookAgain, nil: continue
            }
        }
    }
}

/// One operation that waits.
package final class Waiting: Sendable {
    let number: Int
    private let survivesInterruption: Bool
    private let room: WaitingRoom
    private let state: Monitor<State>

    private struct State {
        var holds: ArraySlice<FaultHold>
        var body: (@Sendable (WaitingRoom.End) -> Void)?
    }

    fileprivate init(
        number: Int, holds: [FaultHold], survivesInterruption: Bool, room: WaitingRoom,
        _ body: @escaping @Sendable (WaitingRoom.End) -> Void
    ) {
        self.number = number
        self.survivesInterruption = survivesInterruption
        self.room = room
        state = Monitor(State(holds: holds[...], body: body))
    }

    /// The client gives up: the wait ends soon, unless the fault says that it does not. May be called with
    /// any lock held, and late.
    package func interrupt() {
        if !survivesInterruption { room.enter(self, in: .zero, .interrupted) }
    }

    fileprivate func nextHold() -> FaultHold? { state.withLock { $0.holds.popFirst() } }

    /// - Returns: what follows the wait; `nil` when it was taken before.
    fileprivate func takeBody() -> (@Sendable (WaitingRoom.End) -> Void)? {
        state.withLock { state in
            defer { state.body = nil }
            return state.body
        }
    }
}
