import CSwiftRuntime

/// What a run did that its seed does not decide. Any of it fails the run.
package struct Escapes: Equatable, Sendable {
    /// Jobs, sleeps and cancellations that came from other threads.
    package var foreignEnqueues = 0
    /// Reads of a real clock: `ContinuousClock`, `Date()`.
    package var clockReads = 0
    /// Draws of system randomness: `SystemRandomNumberGenerator`, `shuffled()`.
    package var randomDraws = 0
    package var threadStarts = 0
    /// Jobs given to Swift's own executor: `Task {}`, `Task.detached`.
    package var globalTasks = 0
    /// The task that was running at the first of them, or that came from another thread.
    package var firstTask: String?
    /// What the run came to otherwise; `nil` when it ended well.
    package var outcome: String?

    package init(
        foreignEnqueues: Int = 0, clockReads: Int = 0, randomDraws: Int = 0, threadStarts: Int = 0,
        globalTasks: Int = 0, firstTask: String? = nil, outcome: String? = nil
    ) {
        self.foreignEnqueues = foreignEnqueues
        self.clockReads = clockReads
        self.randomDraws = randomDraws
        self.threadStarts = threadStarts
        self.globalTasks = globalTasks
        self.firstTask = firstTask
        self.outcome = outcome
    }

    package var count: Int { foreignEnqueues + clockReads + randomDraws + threadStarts + globalTasks }
}

extension Escapes: CustomStringConvertible {
    package var description: String {
        let kinds = [
            (foreignEnqueues, "jobs from other threads"), (clockReads, "reads of a real clock"),
            (randomDraws, "draws of system randomness"), (threadStarts, "threads started"),
            (globalTasks, "jobs for Swift's own executor"),
        ]
        let counts = kinds.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        let task = firstTask.map { ", first by \($0)" } ?? ""
        return counts + task + (outcome.map { "; \($0)" } ?? "")
    }
}

extension escape_sensors {
    /// - Returns: what came since `earlier`, on the same thread.
    func escapes(since earlier: escape_sensors) -> Escapes {
        Escapes(
            clockReads: Int(clock_reads &- earlier.clock_reads),
            randomDraws: Int(random_draws &- earlier.random_draws),
            threadStarts: Int(thread_starts &- earlier.thread_starts),
            globalTasks: Int(global_tasks &- earlier.global_tasks))
    }
}
