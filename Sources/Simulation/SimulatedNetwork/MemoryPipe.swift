import FaultPoints
import Glibc
import SimulatedTime
import Synchronization
import VirtualMedia
import WireFormat

/// One direction of a connection: an ordered stream of bytes with a limit on what is under way.
final class MemoryPipe: Sendable {
    fileprivate struct Item {
        enum Content {
            case bytes(Bytes, endsPortion: Bool)
            case end
            case reset
        }
        var content: Content
        var arrival: Duration
        var hold: FaultHold?
    }

    /// Bytes that may be read; a portion that was cut on purpose is not joined with the next.
    fileprivate struct Arrived {
        var bytes: Bytes
        var endsPortion: Bool
    }

    fileprivate struct State {
        var timing: LinkTiming
        var inFlight = Fifo<Item>()
        var arrived = Fifo<Arrived>()
        /// In flight and arrived.
        var heldBytes = 0
        var sentBytes: UInt64 = 0
        /// The writer will write no more.
        var isWriteClosed = false
        /// The reader wants no more.
        var isReadClosed = false
        /// The end has arrived, or there is nobody left to send any more.
        var hasEnded = false
        /// ECONNRESET is still to be told to the writer.
        var owesReset = false
        var isTimerSet = false
        var timer: (any SpawnedTask)?
        var readers: [CheckedContinuation<Void, Never>] = []
        var writers: [CheckedContinuation<Void, Never>] = []
        /// Whether somebody is in the middle of a write.
        var isWriting = false

        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            defer { (readers, writers) = ([], []) }
            return readers + writers
        }
    }

    private let state: Mutex<State>
    private let name: String
    private let capacity: Int
    private let clock: any MediaClock
    private let spawner: any Spawner
    /// The connection was reset by something that travelled in this direction.
    private let wasReset = Mutex<@Sendable () -> Void>({})

    init(
        _ name: String, capacity: Int, model: LinkModel, random: RandomStream, clock: any MediaClock,
        spawner: any Spawner
    ) {
        precondition(capacity > 0, "a buffer of \(capacity) bytes")
        self.name = name
        self.capacity = capacity
        self.clock = clock
        self.spawner = spawner
        state = Mutex(State(timing: LinkTiming(model, random)))
    }

    func onReset(_ action: @escaping @Sendable () -> Void) { wasReset.withLock { $0 = action } }

    var model: LinkModel { state.withLock { $0.timing.model } }
    /// Bytes taken from writers so far.
    var sentBytes: UInt64 { state.withLock { $0.sentBytes } }

    func change(_ body: (inout LinkModel) -> Void) {
        state.withLock { body(&$0.timing.model) }
        pump()
    }

    // MARK: Reading

    func read(into buffer: UnsafeMutableRawBufferPointer) async throws(SystemError) -> Int {
        precondition(buffer.count > 0, "a read of no bytes")
        while true {
            nonisolated(unsafe) let target = buffer
            let (count, writers) = state.withLock { state -> (Int?, [CheckedContinuation<Void, Never>]) in
                let count = state.take(into: target)
                guard count > 0 else { return (state.hasEnded || state.isReadClosed ? 0 : nil, []) }
                defer { state.writers = [] }
                return (count, state.writers)
            }
            for writer in writers { writer.resume() }
            if let count { return count }
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    let mustWait = state.arrived.isEmpty && !state.hasEnded && !state.isReadClosed
                    if mustWait { state.readers.append(continuation) }
                    return mustWait
                }
                if !mustWait { continuation.resume() }
            }
        }
    }

    /// Whoever waits to read is told the end; what is written from now on fails.
    func closeReading() {
        end { state in
            state.isReadClosed = true
            state.dropInFlight()
        }
    }

    // MARK: Writing

    /// What faults do to one write.
    struct Handling {
        var delay = Duration.zero
        var hold: FaultHold?
        var portionBytes = Int.max
        var resetAfter: Int?
    }

    /// Writes all, waiting for room; writes that come meanwhile wait for their turn.
    func write(_ bytes: Bytes, _ handling: Handling = Handling()) async throws(SystemError) {
        await waitForTurn()
        defer { endTurn() }
        var rest = bytes
        var handling = handling
        if let resetAfter = handling.resetAfter, resetAfter <= rest.count {
            rest = rest.prefix(resetAfter)
        } else {
            handling.resetAfter = nil
        }
        repeat {
            let step = try state.withLock { state throws(SystemError) in
                try state.put(&rest, &handling, capacity: capacity, now: clock.now)
            }
            if step == .mustWait { await waitForRoom() } else { pump() }
        } while !rest.isEmpty
    }

    /// Nothing is written any more; the reader learns it after everything else.
    func closeWriting() {
        let isFirst = state.withLock { state in
            defer { state.isWriteClosed = true }
            guard !state.isWriteClosed, !state.isReadClosed else { return false }
            let arrival = state.timing.arrival(of: 0, sentAt: clock.now)
            state.inFlight.append(Item(content: .end, arrival: arrival))
            return true
        }
        if isFirst { pump() }
        wakeAll()
    }

    /// Whoever read it wants no more of it.
    var isUnread: Bool { state.withLock { $0.isReadClosed || $0.owesReset } }

    /// What is in flight is lost; what has arrived can still be read.
    func reset() {
        end { state in
            state.owesReset = !state.isWriteClosed
            state.isWriteClosed = true
            state.hasEnded = true
            state.dropInFlight()
        }
    }

    private func waitForTurn() async {
        while true {
            let isMine = state.withLock { state in
                defer { state.isWriting = true }
                return !state.isWriting
            }
            if isMine { return }
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if state.isWriting { state.writers.append(continuation) }
                    return state.isWriting
                }
                if !mustWait { continuation.resume() }
            }
        }
    }

    private func endTurn() {
        let writers = state.withLock { state in
            state.isWriting = false
            defer { state.writers = [] }
            return state.writers
        }
        for writer in writers { writer.resume() }
    }

    private func waitForRoom() async {
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                let mustWait = state.heldBytes >= capacity && !state.isWriteClosed && !state.isReadClosed
                if mustWait { state.writers.append(continuation) }
                return mustWait
            }
            if !mustWait { continuation.resume() }
        }
    }

    private func end(_ change: (inout State) -> Void) {
        let timer = state.withLock { state in
            change(&state)
            state.isTimerSet = false
            return state.timer.take()
        }
        timer?.cancel()
        wakeAll()
    }

    private func wakeAll() {
        for waiter in state.withLock({ $0.takeWaiters() }) { waiter.resume() }
    }

    // MARK: Delivery

    /// Delivers what is due, and comes back for the rest.
    private func pump() {
        let now = clock.now
        let (readers, next, mustReset) = state.withLock { state in
            let mustReset = state.deliver(now)
            let isReadable = !state.arrived.isEmpty || state.hasEnded
            let readers = isReadable ? state.readers : []
            if isReadable { state.readers = [] }
            return (readers, state.nextArrival(after: now), mustReset)
        }
        for reader in readers { reader.resume() }
        if mustReset { wasReset.withLock { $0 }() }
        switch next {
        case .nothing: break
        case .at(let time): startTimer(until: time)
        case .whenReleased(let hold): hold.whenReleased { [weak self] in self?.pump() }
        }
    }

    private func startTimer(until time: Duration) {
        // Arrivals only ever get later, so one timer at a time is enough.
        let clock = clock
        let task = spawner.spawn("\(name) delivers", .shared) { [weak self] in
            do { try await clock.sleep(until: time) } catch { return }
            self?.timerFired()
        }
        state.withLock { $0.timer = task }
    }

    private func timerFired() {
        state.withLock { $0.isTimerSet = false }
        pump()
    }

    fileprivate enum NextArrival {
        case nothing
        case at(Duration)
        case whenReleased(FaultHold)
    }

    fileprivate enum Step { case done, mustWait }
}

extension MemoryPipe.State {
    /// Takes from what has arrived, at most to the end of a portion.
    fileprivate mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var count = 0
        while count < buffer.count, let first = arrived.first {
            let part = first.bytes.prefix(buffer.count - count)
            UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyBytes(from: part)
            count += part.count
            if part.count == first.bytes.count {
                _ = arrived.popFirst()
                if first.endsPortion { break }
            } else {
                arrived.first?.bytes = first.bytes.dropFirst(part.count)
            }
        }
        heldBytes -= count
        return count
    }

    /// Puts what there is room for on its way.
    fileprivate mutating func put(
        _ rest: inout Bytes, _ handling: inout MemoryPipe.Handling, capacity: Int, now: Duration
    ) throws(SystemError) -> MemoryPipe.Step {
        if owesReset {
            owesReset = false
            throw SystemError(ECONNRESET, "send")
        }
        guard !isWriteClosed, !isReadClosed else { throw SystemError(EPIPE, "send") }
        let room = capacity - heldBytes
        guard room > 0 || rest.isEmpty else { return .mustWait }
        var part = rest.prefix(room)
        rest = rest.dropFirst(part.count)
        sentBytes += UInt64(part.count)
        heldBytes += part.count
        while !part.isEmpty {
            let piece = part.prefix(handling.portionBytes)
            part = part.dropFirst(piece.count)
            let arrival = timing.arrival(of: piece.count, sentAt: now, extraDelay: handling.delay)
            let content = MemoryPipe.Item.Content.bytes(piece, endsPortion: handling.portionBytes < .max)
            inFlight.append(MemoryPipe.Item(content: content, arrival: arrival, hold: handling.hold))
            handling.delay = .zero
        }
        if rest.isEmpty, handling.resetAfter != nil {
            let arrival = timing.arrival(of: 0, sentAt: now, extraDelay: handling.delay)
            inFlight.append(MemoryPipe.Item(content: .reset, arrival: arrival, hold: handling.hold))
        }
        return .done
    }

    /// - Returns: whether the connection is reset now.
    fileprivate mutating func deliver(_ now: Duration) -> Bool {
        guard !timing.model.isBlackHole else { return false }
        while let item = inFlight.first {
            guard item.arrival <= now, item.hold?.isReleased ?? true else { return false }
            _ = inFlight.popFirst()
            switch item.content {
            case .bytes(let bytes, let endsPortion):
                arrived.append(MemoryPipe.Arrived(bytes: bytes, endsPortion: endsPortion))
            case .end: hasEnded = true
            case .reset: return true
            }
        }
        return false
    }

    fileprivate mutating func nextArrival(after now: Duration) -> MemoryPipe.NextArrival {
        guard let first = inFlight.first, !timing.model.isBlackHole else { return .nothing }
        if let hold = first.hold, !hold.isReleased { return .whenReleased(hold) }
        guard !isTimerSet else { return .nothing }
        isTimerSet = true
        return .at(max(first.arrival, now))
    }

    fileprivate mutating func dropInFlight() {
        for item in inFlight.takeAll() {
            if case .bytes(let bytes, _) = item.content { heldBytes -= bytes.count }
        }
    }
}
