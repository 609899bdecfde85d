import CSwiftRuntime

/// The state of a run. Only the thread that runs the simulation touches it while it runs.
struct RunCore: ~Copyable {
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

    /// What is told of a run afterwards.
    struct Account {
        var steps = 0
        var hash = TraceHash()
        /// ``hash`` after each ``checkpointSteps``.
        var checkpoints: [UInt64] = []
        var escapes = Escapes()
        /// The tasks of the last steps.
        var recent = RecentTasks()
    }

    var processes: [Process] = []
    var ready = ReadyQueue()
    var timers = TimerQueue()
    var scheduler: Scheduler
    /// Virtual time since the start, in attoseconds.
    var now: Int128 = 0
    var account = Account()
    var tasks = TaskNumbers()
    var running: ReadyJob?
    /// Readings of the thread's sensors when it began with this run, and the sum that is accounted for.
    var sensorsAtStart = escape_sensors()
    var sensorSum: UInt64 = 0
    /// Whether the running task has arrived somewhere else, so it waits for nothing.
    private var hasHopped = false
    /// Whether the running task is at its end.
    var hasEnded = false

    static let checkpointSteps = 256

    init(scheduler: Scheduler) {
        self.scheduler = scheduler
        tasks.isCounting = scheduler.needsTaskNumbers
    }

    /// - Returns: the runtime's number of its task.
    @discardableResult
    mutating func arrive(_ job: UnownedJob, process: Int, role: ReadyJob.Role) -> UInt64 {
        var runtimeTask = task_access_number_of_job(unsafeBitCast(job, to: UnsafeRawPointer.self))
        var home = process
        /// Whose standing decides whether it may run.
        var governing = process
        var isPassing = false
        if runtimeTask == 0 {
            // An actor's turn is put down to the task that caused it.
            runtimeTask = running?.runtimeTask ?? 0
        } else if let running, running.runtimeTask == runtimeTask {
            hasHopped = true
            if role == .actor { home = Int(running.home) }
            // A process that has just stopped or killed itself calls nobody any more.
            if running.process == running.home, !running.isPassing { governing = home }
        } else if role == .task, !processes[process].inWorld.isEmpty {
            isPassing = processes[process].inWorld.remove(runtimeTask) != nil
        }
        let arrived = ReadyJob(
            job: job, runtimeTask: runtimeTask, task: tasks.number(of: runtimeTask),
            process: UInt32(process), home: UInt32(home), role: role,
            isPassing: isPassing)
        if isPassing || processes[governing].standing == .running {
            ready.append(arrived)
        } else {
            processes[governing].held.append(arrived)
        }
        return runtimeTask
    }

    mutating func begin(_ job: ReadyJob) {
        running = job
        hasHopped = false
        hasEnded = false
    }

    mutating func finishStep() {
        guard let job = running else { return }
        running = nil
        if hasEnded { tasks.forget(job.runtimeTask) }
        // A task that waits inside an actor of the world comes back through its own process's executor, for
        // the Swift runtime resumes on that before it goes on to the actor's.
        if job.role == .actor, job.home != job.process, !hasHopped {
            processes[Int(job.home)].inWorld.insert(job.runtimeTask)
        }
    }

    /// Takes the next job, of at least one, and counts a step.
    mutating func takeJob() -> ReadyJob {
        let count = ready.count
        var index = 0
        if count > 1 {
            index = scheduler.pick(from: ready, step: account.steps)
            if index != 0 { account.hash.fold(UInt64(index)) }
        }
        let job = ready.remove(at: index)
        account.hash.fold(UInt64(count) << 32 | UInt64(job.process))
        account.steps += 1
        if account.steps % Self.checkpointSteps == 0 { account.checkpoints.append(account.hash.value) }
        account.recent.add(job.runtimeTask)
        if tasks.isCounting { tasks.trace(job.task, hash: account.hash.value) }
        return job
    }

    mutating func noteEscape(of runtimeTask: UInt64) {
        sensorSum = escape_sensors_sum()
        if account.escapes.firstTask == nil { account.escapes.firstTask = tasks.name(of: runtimeTask) }
    }

    mutating func takeReadings() {
        let readings = escape_sensors_read().escapes(since: sensorsAtStart)
        account.escapes.clockReads += readings.clockReads
        account.escapes.randomDraws += readings.randomDraws
        account.escapes.threadStarts += readings.threadStarts
        account.escapes.globalTasks += readings.globalTasks
        sensorsAtStart = escape_sensors_read()
    }

    /// The process whose job runs; of an actor of the world, the world.
    var runningProcess: Int { running.map { Int($0.process) } ?? SimulatedProcess.world }
}
