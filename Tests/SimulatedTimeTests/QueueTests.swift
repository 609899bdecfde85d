import Synchronization
import Testing
import VirtualMedia

@testable import SimulatedTime

struct QueueTests {
    private static func job(_ number: Int) -> ReadyJob {
        ReadyJob(
            job: unsafeBitCast(number + 1, to: UnownedJob.self), runtimeTask: 0, task: UInt32(number),
            process: UInt32(number % 3), home: 0, role: .task, isPassing: false)
    }

    /// Against an array, from one job to more than the ring first holds.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `ready jobs keep their order through growth, wrapping and removal from the middle`(seed: UInt64) {
        var random = RandomStream(seed: seed)
        var queue = ReadyQueue()
        var expected: [UInt32] = []
        for number in 0..<2000 {
            let isGrowing = Int.random(in: 0..<10, using: &random) < (number < 1000 ? 6 : 4)
            if isGrowing || expected.isEmpty {
                queue.append(Self.job(number))
                expected.append(UInt32(number))
            } else {
                let index = Int.random(in: 0..<min(expected.count, 5), using: &random)
                #expect(queue.remove(at: index).task == expected.remove(at: index))
            }
            #expect(queue.count == expected.count)
        }
        let taken = queue.removeAll(of: 1).map(\.task)
        #expect(taken == expected.filter { $0 % 3 == 1 })
        expected.removeAll { $0 % 3 == 1 }
        #expect((0..<queue.count).map { queue[$0].task } == expected)
    }

    /// Hundreds of sleepers, most of them cancelled, so that leftovers are swept and sleepers used again.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `each sleeper wakes at its deadline or when it is cancelled, whichever is first`(seed: UInt64) throws
    {
        let woken = Mutex<[Int: Duration]>([:])
        let expected = Mutex<[Int: Duration]>([:])
        try Simulation(seed: seed, schedule: .random).run { simulation in
            var random = simulation.random.stream("sleeps")
            for round in 0..<3 {
                let start = simulation.clock.now
                var cancellations: [(at: Duration, task: any SpawnedTask)] = []
                for number in 0..<200 {
                    let sleeper = round * 1000 + number
                    let deadline = start + .milliseconds(Int.random(in: 1...500, using: &random))
                    let task = simulation.spawner.spawn("sleeper \(sleeper)") {
                        try? await simulation.clock.sleep(until: deadline)
                        woken.withLock { $0[sleeper] = simulation.clock.now }
                    }
                    let cancellation = start + .milliseconds(Int.random(in: 1...400, using: &random))
                    let isCancelled = Int.random(in: 0..<4, using: &random) > 0
                    if isCancelled { cancellations.append((cancellation, task)) }
                    expected.withLock { $0[sleeper] = isCancelled ? min(deadline, cancellation) : deadline }
                }
                for (time, task) in cancellations.sorted(by: { $0.at < $1.at }) {
                    try await simulation.clock.sleep(until: time)
                    task.cancel()
                }
                try await simulation.clock.sleep(until: start + .seconds(1))
            }
        }
        #expect(woken.withLock { $0 } == expected.withLock { $0 }, "seed \(seed)")
    }
}
