import Testing
import VirtualMedia

@testable import SimulatedTime

struct SimulationTests {
    @Test func `a day of virtual time passes at once and exactly`() throws {
        let simulation = Simulation(seed: 1)
        let now = try simulation.run { simulation in
            for _ in 0..<1440 { try await simulation.clock.sleep(for: .seconds(60)) }
            return simulation.clock.now
        }
        #expect(now == .seconds(86_400))
    }

    @Test func `sleepers wake in the order of their deadlines and then of their start`() throws {
        let order = try Simulation(seed: 1).run { simulation in
            let woken = Woken()
            var tasks: [any SpawnedTask] = []
            for (name, seconds) in [("c", 3), ("a", 1), ("b1", 2), ("b2", 2), ("past", -1)] {
                tasks.append(
                    simulation.spawner.spawn(name) {
                        try? await simulation.clock.sleep(until: .seconds(seconds))
                        await woken.add(name)
                    })
            }
            for task in tasks { await task.finished() }
            return await woken.names
        }
        #expect(order == ["past", "a", "b1", "b2", "c"])
    }

    @Test func `a cancelled sleeper wakes at once and time does not move`() throws {
        let (now, wasCancelled) = try Simulation(seed: 1).run { simulation in
            let woken = Woken()
            let task = simulation.spawner.spawn("sleeper") {
                do { try await simulation.clock.sleep(for: .seconds(3600)) } catch { await woken.add("cut") }
            }
            try await simulation.clock.sleep(for: .seconds(5))
            task.cancel()
            await task.finished()
            return (simulation.clock.now, await woken.names == ["cut"])
        }
        #expect(now == .seconds(5))
        #expect(wasCancelled)
    }

    @Test func `sleeping in a task that is cancelled already throws`() throws {
        let threw = try Simulation(seed: 1).run { simulation in
            let woken = Woken()
            let task = simulation.spawner.spawn("cancelled") {
                do { try await simulation.clock.sleep(for: .seconds(1)) } catch { await woken.add("threw") }
            }
            task.cancel()
            await task.finished()
            return await woken.names == ["threw"]
        }
        #expect(threw)
    }

    @Test func `a deadlock is reported with the names of the waiting tasks`() {
        let never = AsyncStream<Int>.makeStream()
        let simulation = Simulation(seed: 1)
        #expect(throws: SimulationFailure.deadlock(at: .seconds(2), waiting: ["main", "reader"])) {
            try simulation.run { simulation in
                let reader = simulation.spawner.spawn("reader") { for await _ in never.stream {} }
                try await simulation.clock.sleep(for: .seconds(2))
                await reader.finished()
            }
        }
        withExtendedLifetime(never.continuation) {}
    }

    @Test func `a run that spins is stopped by its step budget`() {
        let simulation = Simulation(seed: 1, limits: .init(steps: 1000))
        #expect(throws: SimulationFailure.outOfSteps(1000, at: .zero, running: ["main"], waiting: ["main"])) {
            try simulation.run { _ in while !Task.isCancelled { await Task.yield() } }
        }
    }

    @Test func `a run that only waits is stopped by its time budget`() {
        let simulation = Simulation(seed: 1, limits: .init(time: .seconds(60)))
        #expect(throws: SimulationFailure.outOfTime(.seconds(60), running: ["main"], waiting: ["main"])) {
            try simulation.run { simulation in
                while true { try await simulation.clock.sleep(for: .seconds(7)) }
            }
        }
    }

    @Test func `tasks left running are cancelled and wind up`() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run { simulation in
            simulation.spawner.spawn("background") {
                while (try? await simulation.clock.sleep(for: .seconds(1))) != nil {}
            }
            try await simulation.clock.sleep(for: .seconds(10))
        }
        #expect(simulation.spawner.unfinished.isEmpty)
    }

    @Test func `a deadlock says what each task waits for, as far as it said so`() throws {
        let never = AsyncStream<Int>.makeStream()
        let failure = try #require(throws: SimulationFailure.self) {
            try Simulation(seed: 1).run { simulation in
                let reader = simulation.spawner.spawn("reader") {
                    await Simulation.waiting(for: "bytes from the server") {
                        try? await simulation.clock.sleep(for: .seconds(1))
                    }
                    await Simulation.waiting(for: "an answer") { for await _ in never.stream {} }
                }
                await Simulation.waiting(for: "the reader") { await reader.finished() }
            }
        }
        #expect(
            failure
                == .deadlock(
                    at: .seconds(1),
                    waiting: [
                        WaitingTask("main", for: ["the reader"]), WaitingTask("reader", for: ["an answer"]),
                    ]))
        #expect(
            "\(failure)"
                == "deadlock at 1.0 seconds: nothing is ready, nothing sleeps; waiting: "
                + "main (for the reader), reader (for an answer)")
        withExtendedLifetime(never.continuation) {}
    }

    @Test func `a run out of steps names those that ran last, the busiest first`() {
        let simulation = Simulation(seed: 1, limits: .init(steps: 1000))
        let expected = SimulationFailure.outOfSteps(
            1000, at: .zero, running: ["busy spinner", "spinner"],
            waiting: ["main", "idler", "spinner", "busy spinner"])
        #expect(throws: expected) {
            try simulation.run { simulation in
                simulation.spawner.spawn("idler") {
                    try? await simulation.clock.sleep(for: .seconds(1))
                }
                simulation.spawner.spawn("spinner") { while !Task.isCancelled { await Task.yield() } }
                let busy = simulation.spawner.spawn("busy spinner") {
                    let other = Woken()
                    while !Task.isCancelled {
                        _ = await other.names
                        await Task.yield()
                    }
                }
                await busy.finished()
            }
        }
    }

    @Test func `an error of the body comes out`() {
        #expect(throws: CancellationError.self) {
            try Simulation(seed: 1).run { _ in throw CancellationError() }
        }
    }
}

actor Woken {
    private(set) var names: [String] = []
    func add(_ name: String) { names.append(name) }
}
