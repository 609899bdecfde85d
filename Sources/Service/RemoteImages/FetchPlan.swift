/// Decides which blocks of a remote image are fetched, kept and dropped. Holds no bytes: a block that
/// is there or on its way has a slot, and the shell keeps one buffer per slot.
///
///     absent ──nextFetch──▶ fetching ──finish──▶ ready ──evicted──▶ absent
///                               └──────fail─────────────────────────▲
package struct FetchPlan: Sendable {
    package struct Fetch: Equatable, Sendable {
        package let blocks: Range<Int>
        /// One per block.
        package let slots: [Int]
        /// When a reader's patience ends; `nil` when nobody asked for it yet.
        package let deadline: Duration?
    }

    private enum Content: Equatable { case nothing, fetching(Int), ready(Int) }

    private struct Slot {
        var content = Content.nothing
        var lastUse: UInt64 = 0
        /// Readers that copy out of it right now.
        var pins = 0
    }

    private struct Demand {
        var blocks: Range<Int>
        let deadline: Duration
    }

    package let byteCount: UInt64
    package let limits: FetchLimits
    private var slots: [Slot]
    private var slotOfBlock: [Int: Int] = [:]
    private var demands: [Demand] = []
    private var streams: [SequentialStream] = []
    /// Whether work waits for a slot that a reader still holds.
    package private(set) var isStarved = false
    /// Orders uses; no two are alike, so that eviction is decided by use alone.
    private var tick: UInt64 = 0

    package init(byteCount: UInt64, limits: FetchLimits) {
        precondition(byteCount > 0 && limits.isSound)
        self.byteCount = byteCount
        self.limits = limits
        slots = []
        slots = Array(repeating: Slot(), count: min(limits.cachedBlocks, blockCount))
    }

    package var blockCount: Int {
        Int((byteCount - 1) / UInt64(limits.blockBytes)) + 1
    }

    package var slotCount: Int { slots.count }

    /// - Returns: the bytes of `blocks`, cut at the image's end.
    package func byteRange(_ blocks: Range<Int>) -> Range<UInt64> {
        let unit = UInt64(limits.blockBytes)
        return UInt64(blocks.lowerBound) * unit..<min(UInt64(blocks.upperBound) * unit, byteCount)
    }

    // MARK: What readers say

    /// Learns from a read where readers are heading. Call it once per read, hit or miss.
    package mutating func noteRead(_ range: Range<UInt64>) {
        tick += 1
        let slack = UInt64(limits.blocksPerRequest * limits.blockBytes)
        if let index = streams.firstIndex(where: { $0.continues(with: range, slackBytes: slack) }) {
            let moving = streams.count { $0.windowBlocks > 0 }
            streams[index].advance(
                to: range.upperBound, firstWindow: limits.blocksPerRequest,
                maximumWindow: max(limits.blocksPerRequest, slots.count / 2 / max(1, moving)), tick: tick)
            return
        }
        if streams.count == limits.streams,
            let oldest = streams.indices.min(by: { streams[$0].lastUse < streams[$1].lastUse })
        {
            streams.remove(at: oldest)
        }
        streams.append(SequentialStream(nextOffset: range.upperBound, lastUse: tick))
    }

    /// Pins a block that is ready.
    ///
    /// - Returns: its slot, to be given back with ``unpin(_:)``; `nil` when it is not there.
    package mutating func pin(_ block: Int) -> Int? {
        guard let slot = slotOfBlock[block], slots[slot].content == .ready(block) else { return nil }
        tick += 1
        slots[slot].lastUse = tick
        slots[slot].pins += 1
        return slot
    }

    package mutating func unpin(_ slot: Int) {
        precondition(slots[slot].pins > 0, "slot \(slot) is not pinned")
        slots[slot].pins -= 1
    }

    /// Asks for blocks. Those on their way already are not asked for again.
    package mutating func demand(_ blocks: Range<Int>, deadline: Duration) {
        var rest = blocks
        while let first = rest.first(where: isUnasked) {
            let end = (first..<rest.upperBound).first { !isUnasked($0) } ?? rest.upperBound
            demands.append(Demand(blocks: first..<end, deadline: deadline))
            rest = end..<rest.upperBound
        }
    }

    private func isUnasked(_ block: Int) -> Bool {
        slotOfBlock[block] == nil && !demands.contains { $0.blocks.contains(block) }
    }

    // MARK: What workers ask

    /// Whether ``nextFetch()`` has something to do, a free slot provided.
    package var hasWork: Bool { !demands.isEmpty || streams.contains { prefetch(for: $0) != nil } }

    /// The next range to request: what is waited for first, then what will be.
    ///
    /// - Returns: `nil` when there is nothing to do, or no slot to do it in.
    package mutating func nextFetch() -> Fetch? {
        while let demand = demands.first {
            guard let first = demand.blocks.first(where: { slotOfBlock[$0] == nil }) else {
                demands.removeFirst()
                continue
            }
            let blocks = absentRun(from: first, upTo: demand.blocks.upperBound)
            guard let fetch = begin(blocks, deadline: demand.deadline) else { return nil }
            demands[0].blocks = blocks.upperBound..<demand.blocks.upperBound
            if demands[0].blocks.isEmpty { demands.removeFirst() }
            return fetch
        }
        for stream in streams.sorted(by: { $0.lastUse > $1.lastUse }) {
            if let blocks = prefetch(for: stream), let fetch = begin(blocks, deadline: nil) { return fetch }
        }
        return nil
    }

    /// The blocks of `fetch` are ready; each gets as many pins as readers wait for it.
    package mutating func finish(_ fetch: Fetch, pins: (Int) -> Int) {
        for (block, slot) in zip(fetch.blocks, fetch.slots) {
            tick += 1
            slots[slot].content = .ready(block)
            slots[slot].lastUse = tick
            slots[slot].pins = pins(block)
        }
    }

    /// The blocks of `fetch` did not come. Reading ahead pauses until readers move on.
    package mutating func fail(_ fetch: Fetch) {
        for (block, slot) in zip(fetch.blocks, fetch.slots) {
            slots[slot] = Slot()
            slotOfBlock[block] = nil
        }
        for index in streams.indices { streams[index].windowBlocks = 0 }
    }

    // MARK: Choices

    private func absentRun(from first: Int, upTo end: Int) -> Range<Int> {
        let limit = min(end, first + limits.blocksPerRequest)
        let stop = (first..<limit).first { slotOfBlock[$0] != nil } ?? limit
        return first..<stop
    }

    private func window(of stream: SequentialStream) -> Range<Int> {
        let start = min(Int(stream.nextOffset / UInt64(limits.blockBytes)), blockCount)
        return start..<min(start + stream.windowBlocks, blockCount)
    }

    /// A full request's worth, unless something that is there already, or the image's end, cuts it
    /// short: the window moves on block by block, and requests of one block would waste round trips.
    private func prefetch(for stream: SequentialStream) -> Range<Int>? {
        let window = window(of: stream)
        guard let first = window.first(where: { slotOfBlock[$0] == nil }) else { return nil }
        let run = absentRun(from: first, upTo: blockCount)
        return run.upperBound <= window.upperBound ? run : nil
    }

    private mutating func begin(_ blocks: Range<Int>, deadline: Duration?) -> Fetch? {
        guard let chosen = freeSlots(blocks.count) else {
            isStarved = true
            return nil
        }
        isStarved = false
        for (block, slot) in zip(blocks, chosen) {
            if case .ready(let old) = slots[slot].content { slotOfBlock[old] = nil }
            slots[slot] = Slot(content: .fetching(block))
            slotOfBlock[block] = slot
        }
        return Fetch(blocks: blocks, slots: chosen, deadline: deadline)
    }

    /// Empty slots first, then those used longest ago; what lies ahead of a reader goes last.
    private func freeSlots(_ count: Int) -> [Int]? {
        let windows = streams.map(window(of:))
        var candidates: [(slot: Int, isAhead: Bool)] = []
        for (index, slot) in slots.enumerated() where slot.pins == 0 {
            switch slot.content {
            case .fetching: continue
            case .nothing: candidates.append((index, false))
            case .ready(let block): candidates.append((index, windows.contains { $0.contains(block) }))
            }
        }
        guard candidates.count >= count else { return nil }
        candidates.sort {
            ($0.isAhead ? 1 : 0, slots[$0.slot].lastUse, $0.slot) < (
                $1.isAhead ? 1 : 0, slots[$1.slot].lastUse, $1.slot
            )
        }
        return candidates.prefix(count).map(\.slot)
    }
}
