import CEscapeSensors

/// The state of a run. Only the thread that runs the simulation touches it while it runs.
struct RunCore {
    /// What a run needs to know of a ``SimulatedProcess``.
    struct Process {
        enum Standing { case running, paused, dead }

        var standing = Standing.running
        /// Jobs that came while it was paused, or dead.
        var held: [ReadyJob] = []
        /// Sleepers that its death left behind.
        var sleepers: [UnsafeContinuation<Bool, Never>] = []
        /// Its tasks that wait inside an actor of the world: what they wait for is the world's doing and
        /// comes to its end even if the process is stopped or dead.
        var inWorld: Set<UInt64> = []
        let taskExecutor: UnownedTaskExecutor
        let actorExecutor: UnownedSerialExecutor
    }

    var processes: [Process] = []
    var ready = ReadyQueue()
    var timers = TimerQueue()
    var scheduler: Scheduler
    /// Virtual time since the start, in attoseconds.
    var now: Int128 = 0
    var steps = 0
    var hash = TraceHash()
    /// ``hash`` after each ``checkpointSteps``.
    var checkpoints: [UInt64] = []
    var tasks = TaskNumbers()
    var running: ReadyJob?
    /// Whether the running task has arrived somewhere else, so it waits for nothing.
    private var hasHopped = false
    var recent = RecentTasks()

    static let checkpointSteps = 256

    init(scheduler: Scheduler) {
        self.scheduler = scheduler
        tasks.isCounting = scheduler.needsTaskNumbers
    }

    mutating func arrive(_ job: UnownedJob, process: Int, role: ReadyJob.Role) {
        var runtimeTask = escape_sensors_task_of_job(unsafeBitCast(job, to: UnsafeRawPointer.self))
        var home = process
        var isPassing = false
        if runtimeTask == 0 {
            // An actor's turn is put down to the task that caused it.
            runtimeTask = running?.runtimeTask ?? 0
        } else if let running, running.runtimeTask == runtimeTask {
            hasHopped = true
            if role == .actor { home = Int(running.home) }
        } else if role == .task, !processes[process].inWorld.isEmpty {
            isPassing = processes[process].inWorld.remove(runtimeTask) != nil
        }
        let arrived = ReadyJob(
            job: job, runtimeTask: runtimeTask, task: tasks.number(of: runtimeTask),
            process: UInt32(process), home: UInt32(home), role: role)
        if processes[process].standing == .running || isPassing {
            ready.append(arrived)
        } else {
            processes[process].held.append(arrived)
        }
    }

    mutating func begin(_ job: ReadyJob) {
        running = job
        hasHopped = false
    }

    mutating func finishStep() {
        guard let job = running else { return }
        running = nil
        // A task that waits inside an actor of the world comes back through its own process's executor, for
        // the Swift runtime resumes on that before it goes on to the actor's.
        if job.role == .actor, job.home != job.process, !hasHopped {
            processes[Int(job.home)].inWorld.insert(job.runtimeTask)
        }
    }

    /// Takes the next job, if any is ready, and counts a step.
    mutating func takeJob() -> ReadyJob? {
        let count = ready.count
        guard count > 0 else { return nil }
        var index = 0
        if count > 1 {
            index = scheduler.pick(from: ready, step: steps)
            if index != 0 { hash.fold(UInt64(index)) }
        }
        let job = ready.remove(at: index)
        hash.fold(UInt64(count) << 32 | UInt64(job.process))
        steps += 1
        if steps % Self.checkpointSteps == 0 { checkpoints.append(hash.value) }
        recent.add(job.runtimeTask)
        tasks.trace(job.task, hash: hash.value)
        return job
    }

    /// Moves time to the first deadline. Then ``takeDueSleeper()`` until it gives none.
    mutating func moveTime() {
        guard let deadline = timers.firstDeadline else { return }
        if deadline > now { now = deadline }
        hash.fold(now)
    }

    /// - Returns: who wakes now, in the order they went to sleep.
    mutating func takeDueSleeper() -> UnsafeContinuation<Bool, Never>? {
        guard let deadline = timers.firstDeadline, deadline <= now else { return nil }
        let sleeper = timers.takeFirst()
        hash.fold(sleeper.identifier)
        return sleeper.continuation
    }
}

/// Numbers tasks in the order of first sight, for strategies and traces that tell them apart.
struct TaskNumbers {
    var isCounting = false
    private var numbers: [UInt64: UInt32] = [:]
    /// Which task took each step, and the trace hash after it; empty unless asked for.
    private(set) var steps: [TracedStep]?

    mutating func startTracing() {
        isCounting = true
        steps = []
    }

    /// - Returns: 0 for no task, and while nobody counts.
    mutating func number(of runtimeTask: UInt64) -> UInt32 {
        guard isCounting, runtimeTask != 0 else { return 0 }
        if let number = numbers[runtimeTask] { return number }
        let number = UInt32(numbers.count + 1)
        numbers[runtimeTask] = number
        return number
    }

    mutating func trace(_ task: UInt32, hash: UInt64) {
        steps?.append(TracedStep(task: task, hash: UInt32(truncatingIfNeeded: hash)))
    }
}

struct TracedStep: Equatable {
    var task: UInt32
    var hash: UInt32
}

/// The tasks of the last steps, to name in a report who keeps a run busy.
struct RecentTasks {
    private var runtimeTasks = [UInt64](repeating: 0, count: length)
    private var next = 0
    private static let length = 64

    mutating func add(_ runtimeTask: UInt64) {
        runtimeTasks[next] = runtimeTask
        next = (next + 1) % Self.length
    }

    /// How often each ran, latest first among equals.
    var counts: [(runtimeTask: UInt64, count: Int)] {
        var counts: [(runtimeTask: UInt64, count: Int)] = []
        for offset in 1...Self.length {
            let task = runtimeTasks[(next - offset + Self.length) % Self.length]
            if task == 0 { continue }
            if let place = counts.firstIndex(where: { $0.runtimeTask == task }) {
                counts[place].count += 1
            } else {
                counts.append((task, 1))
            }
        }
        return counts.sorted { $0.count > $1.count }
    }
}
