import SimulatedTime
import Synchronization
import Testing

@testable import Runs

struct WaitingTests {
    @Test func `a bell wakes everyone who waits, and a deadline wakes who hears nothing`() throws {
        try Simulation(seed: 1).run { simulation in
            let bell = ChangeBell(clock: simulation.clock, spawner: simulation.spawner)
            let woken = Mutex<[String]>([])
            let seen = bell.rings
            let waiters = ["a", "b"].map { name in
                simulation.spawner.spawn(name) {
                    await bell.wait(after: seen, until: .seconds(10))
                    woken.withLock { $0.append("\(name) at \(simulation.clock.now)") }
                }
            }
            try await simulation.clock.sleep(for: .seconds(2))
            bell.ring()
            for waiter in waiters { await waiter.finished() }
            #expect(woken.withLock { $0 } == ["a at 2.0 seconds", "b at 2.0 seconds"])
            await bell.wait(after: seen, until: .seconds(60))
            #expect(simulation.clock.now == .seconds(2), "a ring that was missed")
            await bell.wait(after: bell.rings, until: .seconds(60))
            #expect(simulation.clock.now == .seconds(60))
        }
    }

    @Test func `a call that is not answered in time is given up and cancelled`() throws {
        try Simulation(seed: 1).run { simulation in
            let wasCancelled = Mutex(false)
            let value = await PatientCall<Int>.run(
                "slow", within: .seconds(5), clock: simulation.clock, spawner: simulation.spawner
            ) {
                do { try await simulation.clock.sleep(until: .seconds(500)) } catch {
                    wasCancelled.withLock { $0 = true }
                }
                return 1
            }
            #expect(value == nil && simulation.clock.now == .seconds(5))
            let quick = await PatientCall<Int>.run(
                "quick", within: .seconds(5), clock: simulation.clock, spawner: simulation.spawner
            ) { 2 }
            #expect(quick == 2 && simulation.clock.now == .seconds(5))
            try await simulation.clock.sleep(for: .seconds(1))
            #expect(wasCancelled.withLock { $0 })
        }
    }
}
