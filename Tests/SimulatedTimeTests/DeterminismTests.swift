import Testing
import VirtualMedia

@testable import SimulatedTime

struct DeterminismTests {
    /// Actors, groups, streams and cancellations that meet at random times.
    static func traceHash(seed: UInt64, schedule: Schedule) throws -> UInt64 {
        try simulate(seed: seed, schedule: schedule).executor.traceHash
    }

    static func simulate(seed: UInt64, schedule: Schedule) throws -> Simulation {
        let simulation = Simulation(seed: seed, schedule: schedule)
        try simulation.run { simulation in
            let counter = Counter()
            let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
            let reader = simulation.spawner.spawn("reader") {
                for await number in stream { simulation.executor.note("read \(number)") }
            }
            await withTaskGroup(of: Void.self) { group in
                for worker in 0..<20 {
                    group.addTask {
                        var random = simulation.random.stream("worker \(worker)")
                        for _ in 0..<10 {
                            let span = Duration.milliseconds(Int64.random(in: 0...50, using: &random))
                            try? await simulation.clock.sleep(for: span)
                            let count = await counter.increment()
                            continuation.yield(worker * 1000 + count)
                        }
                    }
                }
            }
            continuation.finish()
            await reader.finished()
        }
        return simulation
    }

    @Test(
        arguments: [1, 2, 3] as [UInt64],
        [.firstInFirstOut, .random, .prioritised(depth: 3), .delayed(count: 3)] as [Schedule])
    func `the same seed gives the same trace`(seed: UInt64, schedule: Schedule) throws {
        let first = try Self.traceHash(seed: seed, schedule: schedule)
        #expect(try Self.traceHash(seed: seed, schedule: schedule) == first)
        #expect(try Self.traceHash(seed: seed + 100, schedule: schedule) != first)
    }

    @Test func `a drawn order explores other schedules than the oldest first`() throws {
        #expect(
            try Self.traceHash(seed: 1, schedule: .random)
                != Self.traceHash(seed: 1, schedule: .firstInFirstOut))
    }

    @Test func `streams under one seed are independent of each other and reproducible`() {
        let streams = RandomStreams(seed: 7)
        func draws(_ name: String) -> [UInt64] {
            var stream = streams.stream(name)
            return (0..<8).map { _ in stream.next() }
        }
        #expect(draws("nbd") == draws("nbd"))
        #expect(draws("nbd") != draws("usb"))
        var other = RandomStreams(seed: 8).stream("nbd")
        #expect(draws("nbd")[0] != other.next())
    }
}

private actor Counter {
    private var count = 0
    func increment() -> Int {
        count += 1
        return count
    }
}
