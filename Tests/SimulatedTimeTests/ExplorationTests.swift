import Synchronization
import Testing
import VirtualMedia

@testable import SimulatedTime

struct ExplorationTests {
    @Test func `every interleaving of two tasks is run once`() throws {
        let seen = Mutex<[String]>([])
        let result = try Exploration().run(seed: 1) { simulation in
            let letters = Mutex("")
            try simulation.run { simulation in
                let tasks = ["ab", "xy"].map { text in
                    simulation.spawner.spawn(text) {
                        for letter in text {
                            letters.withLock { $0.append(letter) }
                            await Task.yield()
                        }
                    }
                }
                for task in tasks { await task.finished() }
            }
            seen.withLock { $0.append(letters.withLock { $0 }) }
        }
        #expect(result.isComplete)
        #expect(result.runs == seen.withLock { $0.count })
        #expect(
            Set(seen.withLock { $0 }) == ["abxy", "axby", "axyb", "xaby", "xayb", "xyab"])
    }

    /// Reads and writes in two steps: a lost update under few schedules.
    @Test func `the schedule of a lost update is found and can be replayed`() throws {
        let failure = try #require(throws: Exploration.Failure.self) {
            _ = try Exploration().run(seed: 1) { try Self.count($0) }
        }
        #expect(failure.cause is LostUpdate)
        #expect(throws: LostUpdate.self) {
            try Self.count(Simulation(seed: 1, schedule: .replay(failure.choices)))
        }
    }

    private struct LostUpdate: Error {}
    private static func count(_ simulation: Simulation) throws {
        let total = try simulation.run { simulation in
            let counter = Register()
            let tasks = ["first", "second"].map { name in
                simulation.spawner.spawn(name) {
                    let value = await counter.value
                    await counter.set(value + 1)
                }
            }
            for task in tasks { await task.finished() }
            return await counter.value
        }
        if total != 2 { throw LostUpdate() }
    }

    @Test func `limits on decisions and runs end the exploration and say so`() throws {
        func explore(_ limits: Exploration.Limits) throws -> Exploration.Result {
            try Exploration(limits).run(seed: 1) { simulation in
                try simulation.run { simulation in
                    let tasks = (0..<4).map { number in
                        simulation.spawner.spawn("\(number)") { for _ in 0..<3 { await Task.yield() } }
                    }
                    for task in tasks { await task.finished() }
                }
            }
        }
        let short = try explore(.init(decisions: 3, runs: 1000))
        #expect(!short.isComplete)
        #expect(short.runs > 1 && short.runs < 1000)
        #expect(short.mostDecisions > 3)
        let few = try explore(.init(decisions: 30, runs: 50))
        #expect(!few.isComplete)
        #expect(few.runs == 50)
    }
}

private actor Register {
    private(set) var value = 0
    func set(_ value: Int) { self.value = value }
}
