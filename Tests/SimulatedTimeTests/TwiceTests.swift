import Synchronization
import Testing
import VirtualMedia

@testable import SimulatedTime

struct TwiceTests {
    @Test(arguments: [.firstInFirstOut, .random, .prioritised(depth: 2), .delayed(count: 2)] as [Schedule])
    func `a run that its seed decides passes`(schedule: Schedule) throws {
        let sum = try Simulation.checkDeterminism(seed: 5, schedule: schedule) { simulation in
            let total = Mutex(0)
            let tasks = (0..<4).map { number in
                simulation.spawner.spawn("worker \(number)") {
                    var random = simulation.random.stream("worker \(number)")
                    for _ in 0..<200 {
                        let span = Int.random(in: 1...50, using: &random)
                        try? await simulation.clock.sleep(for: .milliseconds(span))
                        total.withLock { $0 += span }
                    }
                }
            }
            for task in tasks { await task.finished() }
            return total.withLock { $0 }
        }
        #expect(sum > 800)
    }

    @Test func `the first step that differs is reported with both tasks`() throws {
        let runs = Mutex(0)
        let difference = try #require(throws: Nondeterminism.self) {
            try Simulation.checkDeterminism(seed: 1) { simulation in
                let run = runs.withLock { runs in
                    runs += 1
                    return runs
                }
                // The third turn of whichever is faster differs.
                let spans = ["steady": 700, "drifting": run == 1 ? 999 : 1]
                let tasks = ["steady", "drifting"].map { name in
                    simulation.spawner.spawn(name) {
                        for turn in 0..<400 {
                            let span = turn < 300 ? 1000 : spans[name] ?? 0
                            try? await simulation.clock.sleep(for: .milliseconds(span))
                        }
                    }
                }
                for task in tasks { await task.finished() }
            }
        }
        // Both wake each second 300 times; then "steady" wakes first in run 1, "drifting" in run 2.
        #expect(difference.first == "steady")
        #expect(difference.second == "drifting")
        #expect(difference.step > 600 && difference.step < 610)
        #expect(difference.before == "drifting")
        #expect("\(difference)".contains("steady | drifting"))
    }

    @Test func `an event that differs is blamed on the step before`() throws {
        let runs = Mutex(0)
        let difference = try #require(throws: Nondeterminism.self) {
            try Simulation.checkDeterminism(seed: 1) { simulation in
                let teller = simulation.spawner.spawn("teller") {
                    let number = runs.withLock { runs in
                        runs += 1
                        return runs
                    }
                    simulation.executor.note("run \(number)")
                }
                await teller.finished()
            }
        }
        #expect(difference.before == "teller")
    }

    @Test func `a failure of both runs comes out as it is`() {
        #expect(throws: CancellationError.self) {
            try Simulation.checkDeterminism(seed: 1) { _ in throw CancellationError() }
        }
    }
}
