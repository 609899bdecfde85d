import Synchronization
import Testing
import VirtualMedia

@testable import SimulatedTime

struct ProcessTests {
    @Test func `tasks, children and default actors of a process run on it, actors of the world do not`()
        throws
    {
        try Simulation(seed: 1).run { simulation in
            let process = simulation.process("service")
            let kernel = World(simulation.executor), own = Own(), pinned = World(process.actorExecutor)
            let places = Places()
            let task = process.spawner.spawn("main") {
                await places.add("task", simulation.executor.runningProcess)
                await places.add("own actor", own.runningProcess(simulation))
                await places.add("own pinned actor", pinned.runningProcess(simulation))
                await places.add("kernel", kernel.runningProcess(simulation))
                await places.add("back", simulation.executor.runningProcess)
                try? await simulation.clock.sleep(for: .seconds(1))
                await places.add("after sleep", simulation.executor.runningProcess)
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await places.add("child", simulation.executor.runningProcess) }
                }
            }
            await task.finished()
            await places.add("outside", simulation.executor.runningProcess)
            let number = process.number
            #expect(
                await places.seen == [
                    "task": number, "own actor": number, "own pinned actor": number, "kernel": 0,
                    "back": number, "after sleep": number, "child": number, "outside": 0,
                ])
        }
    }

    @Test func `a killed process does nothing more, but its calls end in the kernel`() throws {
        try Simulation(seed: 1).run { simulation in
            let kernel = World(simulation.executor)
            let process = simulation.process("service")
            let log = Log()
            process.spawner.spawn("caller") {
                defer { log.add("cleaned up") }
                log.add("calls")
                await kernel.slowCall(simulation.clock)
                log.add("returned")
            }
            process.spawner.spawn("sleeper") {
                try? await simulation.clock.sleep(for: .seconds(3))
                log.add("woke")
            }
            process.spawner.spawn("waiter") {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try? await simulation.clock.sleep(for: .seconds(4))
                        log.add("child woke")
                    }
                }
                log.add("group over")
            }
            try await simulation.clock.sleep(for: .seconds(1))
            #expect(process.isAlive)
            #expect(simulation.spawner.unfinished.count == 4)
            process.kill()
            #expect(!process.isAlive)
            #expect(process.exitStatus == .killed(signal: 9))
            #expect(simulation.spawner.unfinished == ["main"])
            try await simulation.clock.sleep(for: .seconds(10))
            #expect(log.entries == ["calls"])
            #expect(await kernel.finishedCalls == 1)
            #expect(simulation.clock.now == .seconds(11))
        }
    }

    @Test func `a job that is ready when its process is killed never runs`() throws {
        try Simulation(seed: 1).run { simulation in
            let process = simulation.process("service")
            let log = Log()
            process.spawner.spawn("never") { log.add("ran") }
            process.kill()
            process.spawner.spawn("too late") { log.add("ran late") }
            try await simulation.clock.sleep(for: .seconds(1))
            #expect(log.entries.isEmpty)
        }
    }

    @Test func `death calls what was registered, in order, once`() throws {
        try Simulation(seed: 1).run { simulation in
            let log = Log()
            let process = simulation.process("service")
            process.atDeath { log.add("socket closed") }
            process.atDeath { log.add("device closed, alive \(process.isAlive)") }
            process.exit(3)
            process.kill()
            process.atDeath { log.add("late") }
            #expect(process.exitStatus == .exited(3))
            #expect(log.entries == ["socket closed", "device closed, alive false", "late"])
        }
    }

    @Test func `a process that kills itself runs on to where it next waits, and calls nobody`() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run { simulation in
            let kernel = World(simulation.executor)
            let process = simulation.process("service")
            let log = Log()
            process.spawner.spawn("caller") {
                process.exit(1)
                log.add("after exit")
                await kernel.slowCall(simulation.clock)
                log.add("called")
            }
            let sleeping = simulation.process("sleeping")
            sleeping.spawner.spawn("sleeper") {
                sleeping.exit(0)
                try? await simulation.clock.sleep(for: .seconds(3600))
                log.add("slept")
            }
            let pausing = simulation.process("pausing")
            let call = pausing.spawner.spawn("caller") {
                pausing.pause()
                await kernel.slowCall(simulation.clock)
                log.add("resumed call")
            }
            try await simulation.clock.sleep(for: .seconds(10))
            #expect(log.entries == ["after exit"])
            #expect(await kernel.finishedCalls == 0)
            pausing.resume()
            await call.finished()
            #expect(log.entries == ["after exit", "resumed call"])
            #expect(await kernel.finishedCalls == 1)
            #expect(simulation.clock.now == .seconds(12))
        }
    }

    @Test func `a call that waits in the kernel ends there while its process is paused`() throws {
        try Simulation(seed: 1).run { simulation in
            let kernel = World(simulation.executor)
            let process = simulation.process("service")
            let log = Log()
            let call = process.spawner.spawn("caller") {
                await kernel.slowCall(simulation.clock)
                log.add("returned at \(simulation.clock.now.components.seconds)")
            }
            try await simulation.clock.sleep(for: .seconds(1))
            process.pause()
            try await simulation.clock.sleep(for: .seconds(9))
            #expect(await kernel.finishedCalls == 1)
            process.resume()
            await call.finished()
            #expect(log.entries == ["returned at 10"])
        }
    }

    @Test func `closing a dead process's channel wakes the other end, not the process`() throws {
        try Simulation(seed: 1).run { simulation in
            let log = Log()
            let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
            let process = simulation.process("server")
            process.atDeath { continuation.finish() }
            process.spawner.spawn("own reader") {
                for await _ in stream {}
                log.add("own reader ended")
            }
            let (other, otherContinuation) = AsyncStream.makeStream(of: Int.self)
            process.atDeath { otherContinuation.finish() }
            let peer = simulation.spawner.spawn("peer") {
                for await _ in other {}
                log.add("peer ended")
            }
            try await simulation.clock.sleep(for: .seconds(1))
            process.kill()
            await peer.finished()
            #expect(log.entries == ["peer ended"])
        }
    }

    @Test func `a paused process keeps its jobs in order and its timers run on`() throws {
        try Simulation(seed: 1).run { simulation in
            let log = Log()
            let process = simulation.process("service")
            for (name, seconds) in [("late", 5), ("b", 3), ("a", 2)] {
                process.spawner.spawn(name) {
                    try? await simulation.clock.sleep(for: .seconds(seconds))
                    log.add("\(name) at \(simulation.clock.now.components.seconds)")
                }
            }
            try await simulation.clock.sleep(for: .seconds(1))
            process.pause()
            #expect(process.isPaused)
            try await simulation.clock.sleep(for: .seconds(3))
            #expect(log.entries.isEmpty)
            process.resume()
            try await simulation.clock.sleep(for: .seconds(3))
            #expect(log.entries == ["a at 4", "b at 4", "late at 5"])
        }
    }

    @Test func `a deadlock names no task of a dead process`() {
        let simulation = Simulation(seed: 1)
        let never = AsyncStream<Int>.makeStream()
        #expect(throws: SimulationFailure.deadlock(at: .seconds(1), waiting: ["main", "live/reader"])) {
            try simulation.run { simulation in
                let dead = simulation.process("dead"), live = simulation.process("live")
                dead.spawner.spawn("reader") { for await _ in never.stream {} }
                let reader = live.spawner.spawn("reader") { for await _ in never.stream {} }
                try await simulation.clock.sleep(for: .seconds(1))
                dead.kill()
                await reader.finished()
            }
        }
        withExtendedLifetime(never.continuation) {}
    }

    @Test func `the same seed gives the same trace with kills at random times`() throws {
        func traceHash(_ seed: UInt64) throws -> UInt64 {
            let simulation = Simulation(seed: seed, schedule: .random)
            try simulation.run { simulation in
                let kernel = World(simulation.executor)
                var random = simulation.random.stream("kills")
                for generation in 0..<5 {
                    let process = simulation.process("service \(generation)")
                    for worker in 0..<5 {
                        process.spawner.spawn("worker \(worker)") {
                            for _ in 0..<10 { await kernel.slowCall(simulation.clock) }
                        }
                    }
                    let span = Int.random(in: 0...12_000, using: &random)
                    try await simulation.clock.sleep(for: .milliseconds(span))
                    process.kill()
                }
            }
            return simulation.executor.traceHash
        }
        for seed in 1...20 as ClosedRange<UInt64> {
            #expect(try traceHash(seed) == traceHash(seed), "seed \(seed)")
        }
    }

    @Test func `what a killed process held is freed after the run, which leaves no trace of that`() throws {
        func run(reapingSteps: Int) throws -> (hash: UInt64, steps: Int, isHeld: Bool, cleanUps: Int) {
            var limits = Simulation.Limits()
            limits.reapingSteps = reapingSteps
            let simulation = Simulation(seed: 1, limits: limits)
            let log = Log()
            let held = Mutex(WeakLog())
            simulation.atEnd { #expect(log.entries.isEmpty) }
            try simulation.run { simulation in
                let kernel = World(simulation.executor)
                let process = simulation.process("service")
                for name in ["sleeper", "caller", "ready"] {
                    let belongings = Log()
                    held.withLock { $0.log = belongings }
                    process.spawner.spawn(name) {
                        defer { log.add(name) }
                        belongings.add(name)
                        if name == "caller" { await kernel.slowCall(simulation.clock) }
                        while !Task.isCancelled { try? await simulation.clock.sleep(for: .seconds(1)) }
                        simulation.executor.note("end of \(belongings.entries)")
                    }
                }
                try await simulation.clock.sleep(for: .seconds(1))
                process.kill()
                try await simulation.clock.sleep(for: .seconds(10))
                #expect(log.entries.isEmpty)
            }
            return (
                simulation.executor.traceHash, simulation.executor.steps,
                held.withLock { $0.log != nil }, log.entries.count
            )
        }
        let reaped = try run(reapingSteps: 100_000), left = try run(reapingSteps: 0)
        #expect(reaped.cleanUps == 3)
        #expect(!reaped.isHeld)
        #expect(left.cleanUps == 0)
        #expect(left.isHeld)
        #expect(reaped.hash == left.hash)
        #expect(reaped.steps == left.steps)
    }
}

/// An actor of the world: it has an executor of its own.
private actor World {
    private let executor: any SerialExecutor
    private(set) var finishedCalls = 0
    init(_ executor: any SerialExecutor) { self.executor = executor }
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func runningProcess(_ simulation: Simulation) -> Int { simulation.executor.runningProcess }

    func slowCall(_ clock: SimulatedClock) async {
        try? await clock.sleep(for: .seconds(2))
        finishedCalls += 1
    }
}

private actor Own {
    func runningProcess(_ simulation: Simulation) -> Int { simulation.executor.runningProcess }
}

private actor Places {
    private(set) var seen: [String: Int] = [:]
    func add(_ name: String, _ process: Int) { seen[name] = process }
}

private final class Log: Sendable {
    private let stored = Mutex<[String]>([])
    var entries: [String] { stored.withLock { $0 } }
    func add(_ entry: String) { stored.withLock { $0.append(entry) } }
}

private struct WeakLog {
    weak var log: Log?
}
