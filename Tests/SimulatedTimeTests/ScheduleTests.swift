import Synchronization
import Testing
import VirtualMedia

@testable import SimulatedTime

struct ScheduleTests {
    @Test(
        arguments: [
            ("fifo", .firstInFirstOut), ("random", .random), ("pct:3", .prioritised(depth: 3)),
            ("pct:2/5000", .prioritised(depth: 2, expectedDecisions: 5000)),
            ("delay:2", .delayed(count: 2)), ("delay:1/64", .delayed(count: 1, expectedDecisions: 64)),
            ("replay", .replay([])), ("exhaustive", .exhaustive),
        ] as [(String, Schedule)])
    func `a schedule is read from its text and printed as it`(text: String, schedule: Schedule) {
        #expect(Schedule(text) == schedule)
        #expect(schedule.description == text)
    }

    @Test(
        arguments: [
            "", "FIFO", "fifo:1", "pct", "pct:", "pct:0", "pct:17", "pct:x", "pct:3/0", "pct:3/", "pct:3/4/5",
            "delay:-1", "random ", "replay:0",
        ])
    func `what names no schedule is refused`(text: String) { #expect(Schedule(text) == nil) }

    @Test(
        arguments: [
            .random, .prioritised(depth: 3, expectedDecisions: 200),
            .delayed(count: 4, expectedDecisions: 100),
        ]
            as [Schedule], 1...5 as ClosedRange<UInt64>)
    func `recorded choices give the same run again`(schedule: Schedule, seed: UInt64) throws {
        let first = try DeterminismTests.simulate(seed: seed, schedule: schedule)
        let choices = first.executor.choices
        #expect(!choices.isEmpty)
        let second = try DeterminismTests.simulate(seed: seed, schedule: .replay(choices))
        #expect(second.executor.traceHash == first.executor.traceHash, "\(schedule) seed \(seed)")
        #expect(second.executor.choices == choices)
        #expect(second.executor.traceCheckpoints == first.executor.traceCheckpoints)
        #expect(second.executor.replayDivergence == nil)
    }

    @Test func `no choices at all are the first in first out schedule`() throws {
        let plain = try DeterminismTests.simulate(seed: 1, schedule: .firstInFirstOut)
        #expect(plain.executor.choices.isEmpty)
        #expect(plain.executor.decisions > 10)
        #expect(
            try DeterminismTests.simulate(seed: 1, schedule: .replay([])).executor.traceHash
                == plain.executor.traceHash)
    }

    @Test func `a choice that cannot be made is reported, and the run goes on first in first out`() throws {
        let first = try DeterminismTests.simulate(seed: 1, schedule: .random)
        var choices = first.executor.choices
        choices[3] = 1000
        let drifted = try DeterminismTests.simulate(seed: 1, schedule: .replay(choices))
        let divergence = try #require(drifted.executor.replayDivergence)
        #expect(divergence.decision == 3)
        #expect(divergence.choice == 1000)
        #expect(divergence.step >= 3)
        #expect(drifted.executor.choices == Array(choices[..<3]).trimmed)
    }

    /// Three tasks that only run, and note in which order.
    private static func order(_ schedule: Schedule, seed: UInt64) throws -> [String] {
        try Simulation(seed: seed, schedule: schedule).run { simulation in
            let names = Mutex<[String]>([])
            let tasks = ["a", "b", "c"].map { name in
                simulation.spawner.spawn(name) {
                    for _ in 0..<3 {
                        names.withLock { $0.append(name) }
                        await Task.yield()
                    }
                }
            }
            for task in tasks { await task.finished() }
            return names.withLock { $0 }
        }
    }

    @Test func `with priorities and no change point each task runs on until it waits`() throws {
        var orders: Set<[String]> = []
        for seed in 1...40 as ClosedRange<UInt64> {
            let order = try Self.order(.prioritised(depth: 1), seed: seed)
            let groups = [order[0..<3], order[3..<6], order[6..<9]].map(Set.init)
            #expect(groups.allSatisfy { $0.count == 1 }, "seed \(seed): \(order)")
            orders.insert(order)
        }
        #expect(orders.count == 6)
    }

    @Test func `a change point interrupts a task for good`() throws {
        var interrupted = 0
        for seed in 1...40 as ClosedRange<UInt64> {
            let order = try Self.order(.prioritised(depth: 2, expectedDecisions: 12), seed: seed)
            let changes = zip(order, order.dropFirst()).count { $0 != $1 }
            #expect(changes <= 3, "seed \(seed): \(order)")
            interrupted += changes > 2 ? 1 : 0
        }
        #expect(interrupted > 5)
    }

    @Test func `a delayed job waits for all that were ready with it`() throws {
        var orders: Set<[String]> = []
        for seed in 1...40 as ClosedRange<UInt64> {
            orders.insert(try Self.order(.delayed(count: 1, expectedDecisions: 6), seed: seed))
        }
        #expect(orders.count > 2)
    }
}

extension [UInt32] {
    /// Without the zeros at its end.
    fileprivate var trimmed: [UInt32] {
        var trimmed = self
        while trimmed.last == 0 { trimmed.removeLast() }
        return trimmed
    }
}
