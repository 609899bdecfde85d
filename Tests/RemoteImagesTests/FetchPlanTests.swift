import TestSupport
import Testing

@testable import RemoteImages

struct FetchPlanTests {
    static func plan(blocks: Int, cached: Int = 32, change: (inout FetchLimits) -> Void = { _ in })
        -> FetchPlan
    {
        var limits = FetchLimits()
        limits.blockBytes = 1024
        limits.blocksPerRequest = 4
        limits.cachedBlocks = cached
        limits.connections = 2
        change(&limits)
        return FetchPlan(byteCount: UInt64(blocks) * 1024 - 24, limits: limits)
    }

    /// Fetches until there is nothing to do; returns what was fetched, in order.
    static func drain(_ plan: inout FetchPlan, limit: Int = 100) -> [Range<Int>] {
        var fetched: [Range<Int>] = []
        while fetched.count < limit, let fetch = plan.nextFetch() {
            fetched.append(fetch.blocks)
            plan.finish(fetch) { _ in 0 }
        }
        return fetched
    }

    static func next(_ plan: inout FetchPlan) throws -> FetchPlan.Fetch {
        let fetch = plan.nextFetch()
        return try #require(fetch)
    }

    static func pin(_ block: Int, _ plan: inout FetchPlan) throws -> Int {
        let slot = plan.pin(block)
        return try #require(slot)
    }

    @Test func `nothing is fetched before anything is asked`() {
        var plan = Self.plan(blocks: 100)
        #expect(plan.nextFetch() == nil)
    }

    @Test func `the last byte range ends with the image`() {
        let plan = Self.plan(blocks: 3)
        #expect(plan.byteRange(0..<1) == 0..<1024)
        #expect(plan.byteRange(2..<3) == 2048..<3048)
        #expect(plan.byteRange(0..<3) == 0..<3048)
    }

    @Test(arguments: [
        (0..<1, [0..<1]), (5..<9, [5..<9]), (0..<10, [0..<4, 4..<8, 8..<10]), (99..<100, [99..<100]),
    ])
    func `a demand becomes ranges of at most one request's length`(demand: Range<Int>, expected: [Range<Int>])
    {
        var plan = Self.plan(blocks: 100)
        plan.demand(demand, deadline: .seconds(1))
        #expect(Self.drain(&plan) == expected)
    }

    @Test func `what is on its way, asked for or there is not fetched again`() throws {
        var plan = Self.plan(blocks: 100)
        plan.demand(2..<4, deadline: .seconds(1))
        let fetch = try Self.next(&plan)
        plan.demand(0..<6, deadline: .seconds(2))
        plan.demand(1..<5, deadline: .seconds(3))
        #expect(Self.drain(&plan) == [0..<2, 4..<6])
        plan.finish(fetch) { _ in 0 }
        plan.demand(0..<6, deadline: .seconds(4))
        #expect(plan.nextFetch() == nil)
    }

    @Test func `one reader that walks is read ahead of, in whole requests`() throws {
        var plan = Self.plan(blocks: 100)
        plan.noteRead(0..<1024)
        #expect(plan.nextFetch() == nil, "one read proves nothing")
        plan.noteRead(1024..<2048)
        #expect(Self.drain(&plan) == [2..<6])
        plan.noteRead(2048..<3072)
        #expect(Self.drain(&plan) == [6..<10], "the window doubled to 8 blocks from block 3")
        plan.noteRead(3072..<3500)
        #expect(Self.drain(&plan) == [10..<14, 14..<18], "and to 16, half of the cache")
    }

    @Test func `reading ahead stops at the image's end`() {
        var plan = Self.plan(blocks: 7)
        for block in 0..<5 as Range<UInt64> { plan.noteRead(block * 1024..<block * 1024 + 1024) }
        #expect(Self.drain(&plan).last?.upperBound == 7)
        plan.noteRead(6000..<7144)
        #expect(plan.nextFetch() == nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `random reads are not read ahead of`(seed: UInt64) {
        var plan = Self.plan(blocks: 1_000_000)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let offset = UInt64.random(in: 0..<999_999 * 1024, using: &random)
            plan.noteRead(offset..<offset + 4)
        }
        #expect(plan.nextFetch() == nil)
    }

    @Test func `two readers far apart are both read ahead of`() {
        var plan = Self.plan(blocks: 1000)
        for step in 0..<4 as Range<UInt64> {
            plan.noteRead(step * 1024..<step * 1024 + 1024)
            plan.noteRead((500 + step) * 1024..<(501 + step) * 1024)
        }
        let fetched = Self.drain(&plan)
        #expect(fetched.contains { $0.contains(5) } && fetched.contains { $0.contains(505) })
    }

    @Test func `what was demanded comes before what is read ahead`() throws {
        var plan = Self.plan(blocks: 1000)
        plan.noteRead(0..<1024)
        plan.noteRead(1024..<2048)
        plan.demand(700..<701, deadline: .seconds(1))
        let fetch = try Self.next(&plan)
        #expect(fetch.blocks == 700..<701)
        #expect(fetch.deadline == .seconds(1))
        #expect(plan.nextFetch()?.deadline == nil)
    }

    @Test func `what was used longest ago goes first, what is pinned stays`() throws {
        var plan = Self.plan(blocks: 1000, cached: 16)
        plan.demand(0..<16, deadline: .zero)
        _ = Self.drain(&plan)
        let pinned = try Self.pin(1, &plan)
        let used = try Self.pin(0, &plan)
        plan.unpin(used)
        plan.demand(100..<114, deadline: .zero)
        _ = Self.drain(&plan)
        #expect(plan.pin(2) == nil)
        #expect(plan.pin(0) != nil, "used after the others")
        #expect(plan.pin(1) == pinned)
    }

    @Test func `with every slot in use nothing is begun until one is free`() throws {
        var plan = Self.plan(blocks: 1000, cached: 16)
        plan.demand(0..<16, deadline: .zero)
        _ = Self.drain(&plan)
        let slots = try (0..<16).map { try Self.pin($0, &plan) }
        plan.demand(50..<51, deadline: .zero)
        #expect(plan.nextFetch() == nil)
        plan.unpin(slots[3])
        #expect(plan.nextFetch()?.slots == [slots[3]])
    }

    @Test func `after a failure the blocks can be asked for again, and reading ahead pauses`() throws {
        var plan = Self.plan(blocks: 100)
        plan.noteRead(0..<1024)
        plan.noteRead(1024..<2048)
        let fetch = try Self.next(&plan)
        plan.fail(fetch)
        #expect(plan.nextFetch() == nil)
        plan.demand(fetch.blocks, deadline: .zero)
        #expect(plan.nextFetch()?.blocks == fetch.blocks)
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `under random use no block has two slots, and memory stays bounded`(seed: UInt64) {
        var plan = Self.plan(blocks: 60, cached: 16)
        var random = SeededGenerator(seed: seed)
        var running: [FetchPlan.Fetch] = []
        var pins: [Int] = []
        for _ in 0..<2000 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                let block = Int.random(in: 0..<60, using: &random)
                plan.demand(block..<min(60, block + 6), deadline: .zero)
            case 1:
                let start = UInt64.random(in: 0..<50_000, using: &random)
                plan.noteRead(start..<start + 5000)
            case 2: if let fetch = plan.nextFetch() { running.append(fetch) }
            case 3: if !running.isEmpty { plan.finish(running.removeFirst()) { _ in 0 } }
            case 4: if !running.isEmpty { plan.fail(running.removeLast()) }
            default:
                if let slot = plan.pin(Int.random(in: 0..<60, using: &random)), pins.count < 4 {
                    pins.append(slot)
                } else if let slot = pins.popLast() {
                    plan.unpin(slot)
                }
            }
            let slots = running.flatMap(\.slots)
            let blocks = running.flatMap { Array($0.blocks) }
            #expect(Set(slots).count == slots.count && Set(blocks).count == blocks.count, "seed \(seed)")
            #expect(slots.count <= plan.slotCount && slots.allSatisfy { !pins.contains($0) }, "seed \(seed)")
        }
    }
}
