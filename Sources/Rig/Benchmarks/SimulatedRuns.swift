import Dispatch
import Glibc
import SimulatedTime
import VirtualMedia

/// A day of virtual time in which nothing happens but timers, as the inactivity timers of four slots that look
/// once a second.
package struct SimulatedIdle: Benchmark {
    package init() {}
    package let name = "simulated-idle"
    package let summary = "24 h of virtual time with four timers of a second"
    package let neededPrograms: [String] = []

    private static let slots = 4
    private static let seconds = 86_400

    package func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow] {
        var row = BenchmarkRow(
            benchmark: name, work: "24 h idle, 4 timers of 1 s", peer: "as many yields of Swift's pool",
            unit: "days/s", processorUnit: "ms/day")
        for round in 0...setting.rounds {
            progress("\(name): round \(round) of \(setting.rounds)")
            let ours = try Stopwatch.measure { try Self.idle() }
            let peers = Stopwatch.measure {
                onSwiftsPool(tasks: Self.slots) { for _ in 0..<Self.seconds { await Task.yield() } }
            }
            guard round > 0 else { continue }
            row.ours.add(rate: 1 / ours.seconds, processorCost: ours.processorSeconds * 1000)
            row.peers.add(rate: 1 / peers.seconds, processorCost: peers.processorSeconds * 1000)
        }
        return [row]
    }

    /// - Throws: also when the day was not a day.
    static func idle(seconds: Int = seconds) throws {
        let end = try Simulation(seed: 1).run { simulation in
            let clock: any MediaClock = simulation.clock
            let tasks = (0..<slots).map { slot in
                simulation.spawner.spawn("Slot_\(slot)") {
                    var deadline = Duration.zero
                    for _ in 0..<seconds {
                        deadline += .seconds(1)
                        try? await clock.sleep(until: deadline)
                    }
                }
            }
            for task in tasks { await task.finished() }
            return simulation.clock.now
        }
        guard end == .seconds(seconds) else { throw BenchmarkFailure("the day ended at \(end)") }
    }
}

/// Calls of an actor under each way to choose the next job.
package struct SimulatedSteps: Benchmark {
    package init() {}
    package let name = "simulated-steps"
    package let summary = "four tasks that call actors, by schedule"
    package let neededPrograms: [String] = []

    private static let calls = 100_000
    private static let schedules: [Schedule] = [
        .firstInFirstOut, .random, .prioritised(depth: 3), .delayed(count: 2),
    ]

    package func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow] {
        try Self.schedules.map { schedule in
            var row = BenchmarkRow(
                benchmark: name, work: "actor calls, \(schedule)", peer: "the same on Swift's pool",
                unit: "op/s", processorUnit: "µs/op")
            for round in 0...setting.rounds {
                progress("\(name): \(schedule), round \(round) of \(setting.rounds)")
                let ours = try Stopwatch.measure { try Self.simulate(schedule, calls: Self.calls) }
                let peers = Stopwatch.measure {
                    onSwiftsPool(tasks: 4) { await Self.call(times: Self.calls) }
                }
                guard round > 0 else { continue }
                let count = Double(4 * Self.calls)
                row.ours.add(
                    rate: count / ours.seconds, processorCost: ours.processorSeconds * 1e6 / count)
                row.peers.add(
                    rate: count / peers.seconds, processorCost: peers.processorSeconds * 1e6 / count)
            }
            return row
        }
    }

    static func simulate(_ schedule: Schedule, calls: Int) throws {
        try Simulation(seed: 1, schedule: schedule).run { simulation in
            let tasks = (0..<4).map { number in
                simulation.spawner.spawn("caller \(number)") { await call(times: calls) }
            }
            for task in tasks { await task.finished() }
        }
    }

    private static func call(times: Int) async {
        let tally = Tally()
        for _ in 0..<times { await tally.count() }
    }
}

private actor Tally {
    private var total = 0
    func count() { total += 1 }
}

/// Runs `body` in so many tasks on Swift's own threads, and waits for all of them.
private func onSwiftsPool(tasks: Int, _ body: @escaping @Sendable () async -> Void) {
    let ended = DispatchGroup()
    for _ in 0..<tasks {
        ended.enter()
        Task.detached {
            await body()
            ended.leave()
        }
    }
    ended.wait()
}

private struct Stopwatch {
    var seconds: Double
    /// Of all threads of this process.
    var processorSeconds: Double

    static func measure(_ body: () throws -> Void) rethrows -> Stopwatch {
        let start = (now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID))
        try body()
        return Stopwatch(
            seconds: now(CLOCK_MONOTONIC) - start.0, processorSeconds: now(CLOCK_PROCESS_CPUTIME_ID) - start.1
        )
    }

    private static func now(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
