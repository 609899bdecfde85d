import Testing
import VirtualMedia

@testable import SimulatedTime

struct DeterminismTests {
    /// Actors, groups, streams and cancellations that meet at random times.
    static func traceHash(seed: UInt64, isOrderDrawn: Bool) throws -> UInt64 {
        let simulation = Simulation(seed: seed, isOrderDrawn: isOrderDrawn)
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
        return simulation.executor.traceHash
    }

    @Test(arguments: [1, 2, 3] as [UInt64], [false, true])
    func `the same seed gives the same trace`(seed: UInt64, isOrderDrawn: Bool) throws {
        let first = try Self.traceHash(seed: seed, isOrderDrawn: isOrderDrawn)
        #expect(try Self.traceHash(seed: seed, isOrderDrawn: isOrderDrawn) == first)
        #expect(try Self.traceHash(seed: seed + 100, isOrderDrawn: isOrderDrawn) != first)
    }

    @Test func `a drawn order explores other schedules than the oldest first`() throws {
        #expect(
            try Self.traceHash(seed: 1, isOrderDrawn: true)
                != Self.traceHash(seed: 1, isOrderDrawn: false))
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

    @Test func `a heap gives back what it was given, in order`() {
        var random = RandomStream(seed: 3)
        let numbers = (0..<500).map { _ in Int.random(in: 0..<100, using: &random) }
        var heap = Heap<Int>(precedes: <)
        for number in numbers { heap.insert(number) }
        var sorted: [Int] = []
        while let number = heap.removeFirst() { sorted.append(number) }
        #expect(sorted == numbers.sorted())
        #expect(heap.first == nil)
    }
}

private actor Counter {
    private var count = 0
    func increment() -> Int {
        count += 1
        return count
    }
}
