import Glibc
import Threads
internal import VirtualMedia

/// Where readers wait for blocks and workers fetch them: the plan, its memory, and who waits.
final class FetchBoard: Sendable {
    typealias Arrival = Result<Int, ImageError>

    private struct Waiter {
        let continuation: CheckedContinuation<Arrival, Never>
        let deadline: Duration
    }

    private struct State {
        var plan: FetchPlan
        var waiters: [Int: [Waiter]] = [:]
        /// Set once, for good: the image changed, or the store was closed.
        var failure: ImageError?
        var liveWorkers = 0
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Monitor<State>
    private let limits: FetchLimits
    /// One buffer per slot. The kernel gives pages as they are first written.
    nonisolated(unsafe) private let memory: UnsafeMutableRawBufferPointer

    init(plan: FetchPlan) {
        limits = plan.limits
        memory = .allocate(byteCount: plan.slotCount * plan.limits.blockBytes, alignment: 4096)
        state = Monitor(State(plan: plan))
    }

    deinit { memory.deallocate() }

    func buffer(ofSlot slot: Int) -> UnsafeMutableRawBufferPointer {
        let start = slot * limits.blockBytes
        return UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + limits.blockBytes])
    }

    // MARK: Readers

    func noteRead(_ range: Range<UInt64>) {
        let hasWork = state.withLock { state in
            state.plan.noteRead(range)
            return state.plan.hasWork
        }
        if hasWork { state.notifyOne() }
    }

    /// Waits until the first of `blocks` is there, and pins it; the others are asked for on the way.
    func pin(_ blocks: Range<Int>, deadline: Duration) async throws(ImageError) -> Int {
        let block = blocks.lowerBound
        if let arrival = state.withLock({ Self.arrival(of: block, &$0) }) { return try arrival.get() }
        let arrival = await withCheckedContinuation { continuation in
            let now = state.withLock { state -> Arrival? in
                if let arrival = Self.arrival(of: block, &state) { return arrival }
                state.waiters[block, default: []].append(
                    Waiter(continuation: continuation, deadline: deadline))
                state.plan.demand(blocks, deadline: deadline)
                return nil
            }
            if let now { continuation.resume(returning: now) } else { state.notifyOne() }
        }
        return try arrival.get()
    }

    private static func arrival(of block: Int, _ state: inout State) -> Arrival? {
        if let failure = state.failure { return .failure(failure) }
        return state.plan.pin(block).map(Arrival.success)
    }

    func unpin(_ slot: Int) {
        let isStarved = state.withLock { state in
            state.plan.unpin(slot)
            return state.plan.isStarved
        }
        if isStarved { state.notifyOne() }
    }

    // MARK: Workers

    /// - Returns: `nil` once the board is closed.
    func nextFetch() -> FetchPlan.Fetch? {
        let (fetch, hasMore) = state.wait { state -> (FetchPlan.Fetch?, Bool)? in
            if state.failure != nil { return (nil, false) }
            guard let fetch = state.plan.nextFetch() else { return nil }
            return (fetch, state.plan.hasWork)
        }
        // One reader wakes one worker, and each worker the next: a crowd would only fight for the lock.
        if hasMore { state.notifyOne() }
        return fetch
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
        let arrivals = state.withLock { state in
            state.plan.finish(fetch) { state.waiters[$0]?.count ?? 0 }
            return Self.takeWaiters(fetch.blocks, &state)
        }
        for (block, waiters) in arrivals {
            let slot = fetch.slots[block - fetch.blocks.lowerBound]
            for waiter in waiters { waiter.continuation.resume(returning: .success(slot)) }
        }
        state.notifyOne()
    }

    /// Where nobody had asked for the blocks at first but someone waits by now, they are asked for
    /// again, within that reader's time: reading ahead had one try only.
    func fail(_ fetch: FetchPlan.Fetch, _ error: ImageError) {
        let waiters = state.withLock { state -> [(Int, [Waiter])] in
            state.plan.fail(fetch)
            if error.cause == .changed {
                if state.failure == nil { state.failure = error }
                return Self.takeAllWaiters(&state)
            }
            if fetch.deadline == nil, state.failure == nil {
                for block in fetch.blocks {
                    guard let deadline = state.waiters[block]?.map(\.deadline).max() else { continue }
                    state.plan.demand(block..<block + 1, deadline: deadline)
                }
                return []
            }
            return Self.takeWaiters(fetch.blocks, &state)
        }
        for waiter in waiters.flatMap(\.1) { waiter.continuation.resume(returning: .failure(error)) }
        state.notifyAll()
    }

    var isOver: Bool { state.withLock { $0.failure != nil } }

    func workerStarted() { state.withLock { $0.liveWorkers += 1 } }

    func workerEnded() {
        let closers = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.liveWorkers -= 1
            guard state.liveWorkers == 0 else { return [] }
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    // MARK: The end

    /// Fails everyone who waits, now and later.
    func close() {
        let error = ImageError(.cancelled, "the image was closed")
        let waiters = state.withLock { state in
            if state.failure == nil { state.failure = error }
            return Self.takeAllWaiters(&state)
        }
        for waiter in waiters.flatMap(\.1) { waiter.continuation.resume(returning: .failure(error)) }
        state.notifyAll()
    }

    func allWorkersEnded() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isOver = state.withLock { state in
                if state.liveWorkers > 0 { state.closers.append(continuation) }
                return state.liveWorkers == 0
            }
            if isOver { continuation.resume() }
        }
    }

    private static func takeWaiters(_ blocks: Range<Int>, _ state: inout State)
        -> [(Int, [Waiter])]
    {
        blocks.compactMap { block in state.waiters.removeValue(forKey: block).map { (block, $0) } }
    }

    private static func takeAllWaiters(_ state: inout State) -> [(Int, [Waiter])] {
        defer { state.waiters = [:] }
        return state.waiters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
