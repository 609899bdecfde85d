import Foundation
import Glibc
import Testing
import VirtualMedia

@testable import SimulatedTime

/// Each way past the seed fails the run, and is counted as what it is.
struct EscapeTests {
    private func escapes(
        _ body: @escaping @Sendable (Simulation) async throws -> Void
    ) throws -> Escapes {
        let failure = try #require(throws: SimulationFailure.self) { try Simulation(seed: 1).run(body) }
        guard case .escaped(let escapes) = failure else {
            Issue.record("\(failure)")
            return Escapes()
        }
        return escapes
    }

    @Test func `a run that keeps to its seed has no escapes`() throws {
        let simulation = try DeterminismTests.simulate(seed: 1, schedule: .random)
        #expect(simulation.executor.escapes == Escapes())
    }

    @Test func `reading a real clock is an escape`() throws {
        let escapes = try escapes { simulation in
            let reader = simulation.spawner.spawn("reader") { _ = ContinuousClock.now }
            await reader.finished()
        }
        #expect(escapes == Escapes(clockReads: 1, firstTask: "reader"))
    }

    @Test func `system randomness is an escape, a seeded stream is not`() throws {
        let escapes = try escapes { simulation in
            var seeded = simulation.random.stream("numbers")
            _ = UInt64.random(in: 0...9, using: &seeded)
            _ = UInt64.random(in: .min ... .max)
        }
        #expect(escapes == Escapes(randomDraws: 1, firstTask: "main"))
    }

    @Test func `a date of Foundation is a real clock too`() throws {
        let escapes = try escapes { _ in _ = Date() }
        #expect(escapes == Escapes(clockReads: 1, firstTask: "main"))
    }

    @Test func `an unstructured task is an escape`() throws {
        let escapes = try escapes { _ in await Task { _ = 1 + 1 }.value }
        #expect(escapes.globalTasks == 1)
        #expect(escapes.firstTask == "main")
    }

    @Test func `a sleep on a standard clock is an escape, whatever becomes of the run`() throws {
        let escapes = try escapes { _ in try await Task.sleep(for: .seconds(3600)) }
        #expect(escapes.count > 0)
        #expect(escapes.firstTask == "main")
        let outcome = try #require(escapes.outcome)
        #expect(outcome.hasPrefix("deadlock"))
    }

    @Test func `a thread, and what it sends, are escapes`() throws {
        let escapes = try escapes { simulation in
            let stream = AsyncStream<Int>.makeStream()
            let waiter = simulation.spawner.spawn("waiter") { for await _ in stream.stream { break } }
            try await simulation.clock.sleep(for: .seconds(1))
            onAnotherThread { stream.continuation.yield(1) }
            await waiter.finished()
        }
        #expect(escapes.threadStarts == 1)
        #expect(escapes.foreignEnqueues == 1)
    }

    @Test func `the clock and notes are of no use on another thread, and harm nothing`() throws {
        let escapes = try escapes { simulation in
            try await simulation.clock.sleep(for: .seconds(5))
            onAnotherThread {
                #expect(simulation.clock.now == .seconds(5))
                simulation.executor.note("from outside")
            }
        }
        #expect(escapes.foreignEnqueues == 1)
    }

    @Test func `an issue that the test library notes is none of the run's doing`() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run { simulation in
            withKnownIssue { Issue.record("as an expectation that is not met") }
            try await simulation.clock.sleep(for: .seconds(1))
        }
        #expect(simulation.executor.escapes == Escapes())
    }

    @Test func `a report names each kind`() {
        let escapes = Escapes(
            foreignEnqueues: 1, clockReads: 2, randomDraws: 3, threadStarts: 4, globalTasks: 5,
            firstTask: "reader", outcome: "deadlock")
        #expect(escapes.count == 15)
        #expect(
            "\(SimulationFailure.escaped(escapes))"
                == "not determined by the seed: 1 jobs from other threads, 2 reads of a real clock, "
                + "3 draws of system randomness, 4 threads started, 5 jobs for Swift's own executor, "
                + "first by reader; deadlock")
    }

    @Test func `what happens between runs and outside of them is no escape`() throws {
        _ = ContinuousClock.now
        let simulation = Simulation(seed: 1)
        onAnotherThread { _ = ContinuousClock.now }
        try simulation.run { simulation in try await simulation.clock.sleep(for: .seconds(1)) }
        _ = UInt64.random(in: .min ... .max)
        #expect(simulation.executor.escapes.count == 0)
    }

    @Test func `a run inside a run keeps its own account`() throws {
        let outer = Simulation(seed: 1)
        #expect(throws: SimulationFailure.escaped(Escapes(clockReads: 1, firstTask: "main"))) {
            try outer.run { _ in
                let inner = Simulation(seed: 2)
                try inner.run { simulation in try await simulation.clock.sleep(for: .seconds(1)) }
                _ = ContinuousClock.now
            }
        }
    }
}

/// Runs `body` on a new thread and waits for its end.
func onAnotherThread(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { context in
            Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
            return nil
        }, box.toOpaque())
    pthread_join(thread, nil)
}

private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
