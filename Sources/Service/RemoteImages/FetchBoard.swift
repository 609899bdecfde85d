import Synchronization
internal import VirtualMedia

/// Where readers wait for blocks and workers fetch them: the plan, its memory, and who waits. Whoever
/// waits suspends; who is resumed first follows from the order of the calls alone.
final class FetchBoard: Sendable {
    typealias Arrival = Result<Int, ImageError>

    private typealias Idler = CheckedContinuation<Void, Never>

    private struct Waiter {
        let continuation: CheckedContinuation<Arrival, Never>
        let deadline: Duration
    }

    private struct State {
        var plan: FetchPlan
        var waiters: [Int: [Waiter]] = [:]
        /// Set once, for good: the image changed, or the store was closed.
        var failure: ImageError?
        /// Workers with nothing to do, the longest idle first.
        var idle: [Idler] = []
    }

    private let state: Mutex<State>
    private let limits: FetchLimits
    /// One buffer per slot. The kernel gives pages as they are first written.
    nonisolated(unsafe) private let memory: UnsafeMutableRawBufferPointer

    init(plan: FetchPlan) {
        limits = plan.limits
        memory = .allocate(byteCount: plan.slotCount * plan.limits.blockBytes, alignment: 4096)
        state = Mutex(State(plan: plan))
    }

    deinit { memory.deallocate() }

    func buffer(ofSlot slot: Int) -> UnsafeMutableRawBufferPointer {
        let start = slot * limits.blockBytes
        return UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + limits.blockBytes])
    }

    // MARK: Readers

    func noteRead(_ range: Range<UInt64>) {
        let worker = state.withLock { state in
            state.plan.noteRead(range)
            return Self.idlerForWork(&state)
        }
        worker?.resume()
    }

    /// Waits until the first of `blocks` is there, and pins it; the others are asked for on the way.
    func pin(_ blocks: Range<Int>, deadline: Duration) async throws(ImageError) -> Int {
        let block = blocks.lowerBound
        if let arrival = state.withLock({ Self.arrival(of: block, &$0) }) { return try arrival.get() }
        let arrival = await withCheckedContinuation { continuation in
            let (now, worker) = state.withLock { state -> (Arrival?, Idler?) in
                if let arrival = Self.arrival(of: block, &state) { return (arrival, nil) }
                state.waiters[block, default: []].append(
                    Waiter(continuation: continuation, deadline: deadline))
                state.plan.demand(blocks, deadline: deadline)
                return (nil, Self.idlerForWork(&state))
            }
            if let now { continuation.resume(returning: now) }
            worker?.resume()
        }
        return try arrival.get()
    }

    private static func arrival(of block: Int, _ state: inout State) -> Arrival? {
        if let failure = state.failure { return .failure(failure) }
        return state.plan.pin(block).map(Arrival.success)
    }

    func unpin(_ slot: Int) {
        let worker = state.withLock { state in
            state.plan.unpin(slot)
            return state.plan.isStarved ? Self.idlerForWork(&state) : nil
        }
        worker?.resume()
    }

    // MARK: Workers

    private enum Assignment {
        case fetch(FetchPlan.Fetch, next: Idler?)
        case over, nothingToDo
    }

    /// - Returns: `nil` once the board is closed.
    func nextFetch() async -> FetchPlan.Fetch? {
        while true {
            var assignment = Assignment.nothingToDo
            await withCheckedContinuation { (idler: Idler) in
                assignment = state.withLock { state in
                    let assignment = Self.assignment(&state)
                    if case .nothingToDo = assignment { state.idle.append(idler) }
                    return assignment
                }
                if case .nothingToDo = assignment { return }
                idler.resume()
            }
            switch assignment {
            case .fetch(let fetch, let next):
                next?.resume()
                return fetch
            case .over: return nil
            case .nothingToDo: continue
            }
        }
    }

    /// One reader wakes one worker, and each worker the next: a crowd would only fight for the lock.
    private static func assignment(_ state: inout State) -> Assignment {
        if state.failure != nil { return .over }
        guard let fetch = state.plan.nextFetch() else { return .nothingToDo }
        return .fetch(fetch, next: idlerForWork(&state))
    }

    /// - Returns: whom to resume because there is something to do.
    private static func idlerForWork(_ state: inout State) -> Idler? {
        state.plan.hasWork && !state.idle.isEmpty ? state.idle.removeFirst() : nil
    }

    /// The part of `fetch` that each of its slots receives, in order.
    func segments(of fetch: FetchPlan.Fetch, byteCount: Int) -> [UnsafeMutableRawBufferPointer] {
        var left = byteCount
        return fetch.slots.map { slot in
            let segment = UnsafeMutableRawBufferPointer(rebasing: buffer(ofSlot: slot).prefix(left))
            left -= segment.count
            return segment
        }
    }

    func finish(_ fetch: FetchPlan.Fetch) {
        let (arrivals, worker) = state.withLock { state in
            state.plan.finish(fetch) { state.waiters[$0]?.count ?? 0 }
            return (Self.takeWaiters(fetch.blocks, &state), Self.idlerForWork(&state))
        }
        for (block, waiters) in arrivals {
            let slot = fetch.slots[block - fetch.blocks.lowerBound]
            for waiter in waiters { waiter.continuation.resume(returning: .success(slot)) }
        }
        worker?.resume()
    }

    /// Where nobody had asked for the blocks at first but someone waits by now, they are asked for
    /// again, within that reader's time: reading ahead had one try only.
    func fail(_ fetch: FetchPlan.Fetch, _ error: ImageError) {
        let (waiters, idlers) = state.withLock { state -> ([(Int, [Waiter])], [Idler]) in
            state.plan.fail(fetch)
            if error.cause == .changed { return Self.end(&state, with: error) }
            if fetch.deadline == nil, state.failure == nil {
                for block in fetch.blocks {
                    guard let deadline = state.waiters[block]?.map(\.deadline).max() else { continue }
                    state.plan.demand(block..<block + 1, deadline: deadline)
                }
                return ([], [Self.idlerForWork(&state)].compactMap { $0 })
            }
            let waiters = Self.takeWaiters(fetch.blocks, &state)
            return (waiters, [Self.idlerForWork(&state)].compactMap { $0 })
        }
        for waiter in waiters.flatMap(\.1) { waiter.continuation.resume(returning: .failure(error)) }
        for idler in idlers { idler.resume() }
    }

    var isOver: Bool { state.withLock { $0.failure != nil } }

    // MARK: The end

    /// Fails everyone who waits, now and later.
    func close() {
        let error = ImageError(.cancelled, "the image was closed")
        let (waiters, idlers) = state.withLock { Self.end(&$0, with: error) }
        for waiter in waiters.flatMap(\.1) { waiter.continuation.resume(returning: .failure(error)) }
        for idler in idlers { idler.resume() }
    }

    /// - Returns: all who wait, readers and workers.
    private static func end(_ state: inout State, with error: ImageError) -> ([(Int, [Waiter])], [Idler]) {
        if state.failure == nil { state.failure = error }
        defer {
            state.waiters = [:]
            state.idle = []
        }
        return (state.waiters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, state.idle)
    }

    private static func takeWaiters(_ blocks: Range<Int>, _ state: inout State)
        -> [(Int, [Waiter])]
    {
        blocks.compactMap { block in state.waiters.removeValue(forKey: block).map { (block, $0) } }
    }
}
