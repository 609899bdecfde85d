import CSwiftRuntime
import Synchronization

/// Runs every job of a simulation on one thread, in the order of a ``Schedule``, under a clock that moves
/// only when nothing is ready.
///
/// It is also the serial executor of actors that stand for the world around the service: a kernel, a bus, a
/// host. Tasks are started through a ``SimulatedSpawner``, on the executor of a ``SimulatedProcess``, and
/// with them come their child tasks, default actors, continuations and streams. What escapes
/// (unstructured tasks, the main actor, timers of the standard clocks) comes back from another thread and
/// is counted.
package final class SimulatedExecutor: SerialExecutor {
    /// What came from other threads.
    private enum Mail {
        case job(UnownedJob, process: Int, role: ReadyJob.Role)
        case sleep(UnsafeContinuation<Bool, Never>, until: Int128)
        case cancel(UInt64)
    }
    private struct Inbox {
        var mail: [Mail] = []
        var isRunning = false
        var foreignEnqueues = 0
    }

    // Only the thread of the run uses what this points to while the run lasts, which `isHere` tells; a
    // lock for each job would cost more than the rest of a step.
    private nonisolated(unsafe) let core: UnsafeMutablePointer<RunCore>
    private let inbox = Mutex(Inbox())
    private let hasMail = Atomic(false)
    /// `now` for other threads, in two halves: one that reads both while time moves may get a wrong time,
    /// in a run that has already failed.
    private let nowLow = Atomic<UInt64>(0)
    private let nowHigh = Atomic<Int64>(0)

    init(scheduler: Scheduler) {
        core = .allocate(capacity: 1)
        core.initialize(to: RunCore(scheduler: scheduler))
    }

    deinit {
        core.deinitialize(count: 1)
        core.deallocate()
    }

    /// Jobs of actors that name this executor as theirs.
    package func enqueue(_ job: consuming ExecutorJob) {
        enqueue(UnownedJob(job), process: SimulatedProcess.world, role: .actor)
    }

    func enqueue(_ job: UnownedJob, process: Int, role: ReadyJob.Role) {
        if isHere {
            core.pointee.arrive(job, process: process, role: role)
        } else {
            post(.job(job, process: process, role: role))
        }
    }

    // MARK: Reading

    /// Virtual time since the start of the run.
    package var now: Duration {
        if isHere { return Duration(attoseconds: core.pointee.now) }
        let high = nowHigh.load(ordering: .relaxed)
        return Duration(attoseconds: Int128(high) << 64 | Int128(nowLow.load(ordering: .relaxed)))
    }

    /// Jobs run so far.
    package var steps: Int { settled.pointee.account.steps }
    /// Hash of everything noted with ``note(_:)``, every timer that fired, with its time, and every choice.
    package var traceHash: UInt64 { settled.pointee.account.hash.value }
    /// ``traceHash`` after each 256 steps.
    package var traceCheckpoints: [UInt64] { settled.pointee.account.checkpoints }
    /// Place of the chosen job among the ready ones, for each time that more than one was ready; what is
    /// missing at the end is 0, the oldest. With ``Schedule/replay(_:)`` they give the same run again.
    package var choices: [UInt32] { settled.pointee.scheduler.choices }
    /// Times that more than one job was ready.
    package var decisions: Int { settled.pointee.scheduler.decisions }
    /// How many jobs were ready at the first decisions.
    var branches: [Int] { settled.pointee.scheduler.branches }
    /// Where replayed choices no longer fitted.
    package var replayDivergence: ReplayDivergence? { settled.pointee.scheduler.divergence }
    /// What the run did that its seed does not decide; complete once it has ended.
    package var escapes: Escapes {
        var escapes = settled.pointee.account.escapes
        escapes.foreignEnqueues = foreignEnqueues
        return escapes
    }
    /// Jobs that came from another thread during the run: each is an escape from determinism.
    package var foreignEnqueues: Int { inbox.withLock { $0.foreignEnqueues } }

    /// Adds an event, with the present time and step, to the trace hash.
    package func note(_ event: String) {
        guard isHere || !countEscape() else { return }
        core.pointee.account.hash.fold(core.pointee.now)
        core.pointee.account.hash.fold(UInt64(core.pointee.account.steps))
        core.pointee.account.hash.fold(event)
    }

    func startTracing() { settled.pointee.tasks.startTracing() }
    var tracedSteps: [TracedStep] { settled.pointee.tasks.steps ?? [] }
    func name(ofTask number: UInt32) -> String { settled.pointee.tasks.name(ofNumber: number) }

    /// Names of the tasks of the last steps, those that ran most first.
    var recentTasks: [String] {
        settled.pointee.account.recent.byFrequency.map { settled.pointee.tasks.name(of: $0) }
    }

    func nameRunningTask(_ name: String) {
        guard isHere, let running = core.pointee.running else { return }
        core.pointee.tasks.name(running.runtimeTask, name)
    }

    /// Its name is kept until the step is over.
    func forgetRunningTask() { if isHere { core.pointee.hasEnded = true } }

    /// Whether this is the thread of the run.
    @inline(__always) var isHere: Bool {
        escape_sensors_executor() == UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    /// The state, for its own thread, or for any when no run is on.
    var settled: UnsafeMutablePointer<RunCore> {
        precondition(
            isHere || inbox.withLock { !$0.isRunning },
            "a simulation is read from another thread while it runs")
        return core
    }

    /// The process whose job runs, by number.
    var runningProcess: Int { settled.pointee.runningProcess }

    // MARK: Driving

    enum Stop { case isOver, nothingToDo, outOfTime, outOfSteps }

    /// Makes the calling thread the one of this simulation.
    ///
    /// - Returns: the executor of the simulation around this one, for ``releaseThread(to:)``.
    func adoptThread() -> UnsafeRawPointer? {
        inbox.withLock { $0.isRunning = true }
        let outer = escape_sensors_executor()
        escape_sensors_set_executor(Unmanaged.passUnretained(self).toOpaque())
        core.pointee.sensorsAtStart = escape_sensors_read()
        core.pointee.sensorSum = escape_sensors_sum()
        return outer
    }

    func releaseThread(to outer: UnsafeRawPointer?) {
        escape_sensors_set_executor(outer)
        inbox.withLock { $0.isRunning = false }
    }

    /// Runs jobs; when none is ready, moves the clock to the next deadline and wakes who sleeps until then.
    ///
    /// - Parameters:
    ///   - stepLimit: Counted from the start of the run.
    ///   - timeLimit: In attoseconds; `nil`: does not move the clock.
    func drive(stepLimit: Int, timeLimit: Int128?, until isOver: () -> Bool) -> Stop {
        while !isOver() {
            if hasMail.load(ordering: .acquiring) { takeMail() }
            if core.pointee.ready.isEmpty {
                guard let timeLimit, let deadline = core.pointee.timers.firstDeadline else {
                    return .nothingToDo
                }
                guard deadline <= timeLimit else { return .outOfTime }
                moveTime(to: deadline)
            } else {
                guard core.pointee.account.steps < stepLimit else { return .outOfSteps }
                run(core.pointee.takeJob())
            }
        }
        return .isOver
    }

    private func moveTime(to deadline: Int128) {
        if deadline > core.pointee.now { core.pointee.now = deadline }
        let now = core.pointee.now
        core.pointee.account.hash.fold(now)
        nowLow.store(UInt64(truncatingIfNeeded: now), ordering: .relaxed)
        nowHigh.store(Int64(truncatingIfNeeded: now >> 64), ordering: .relaxed)
        repeat {
            let sleeper = core.pointee.timers.takeFirst()
            core.pointee.account.hash.fold(sleeper.identifier)
            sleeper.continuation.resume(returning: true)
        } while (core.pointee.timers.firstDeadline ?? .max) <= now
    }

    func takeReadings() { core.pointee.takeReadings() }

    /// Leaves no trace in the account of the run.
    func asideFromTheRun(_ body: () -> Void) {
        let account = core.pointee.account
        core.pointee.tasks.stopTracing()
        body()
        core.pointee.account = account
    }

    func closeSchedule() { core.pointee.scheduler.close() }

    @inline(__always) private func run(_ job: ReadyJob) {
        core.pointee.begin(job)
        let taskExecutor = core.pointee.processes[Int(job.home)].taskExecutor
        switch job.role {
        case .task: job.job.runSynchronously(on: taskExecutor)
        case .actor:
            let actorExecutor = core.pointee.processes[Int(job.process)].actorExecutor
            job.job.runSynchronously(isolatedTo: actorExecutor, taskExecutor: taskExecutor)
        }
        if escape_sensors_sum() != core.pointee.sensorSum { core.pointee.noteEscape(of: job.runtimeTask) }
        core.pointee.finishStep()
    }

    // MARK: Sleeping, on the thread of the run

    func newSleeper() -> UnsafeMutablePointer<Sleeper> { core.pointee.timers.make(cancellation) }

    func park(
        _ continuation: UnsafeContinuation<Bool, Never>, _ sleeper: UnsafeMutablePointer<Sleeper>,
        until deadline: Duration
    ) {
        let process = core.pointee.runningProcess
        guard core.pointee.processes[process].standing != .dead else {
            // It has killed itself in this step.
            return core.pointee.processes[process].sleepers.append(continuation)
        }
        let isParked = core.pointee.timers.park(
            sleeper, until: deadline.attoseconds, process: process, continuation)
        if !isParked { continuation.resume(returning: false) }
    }

    func retire(_ sleeper: UnsafeMutablePointer<Sleeper>) { core.pointee.timers.retire(sleeper) }

    /// The task of a sleeper holds its executor, so both outlive what may call this.
    private var cancellation: task_access_cancellation {
        task_access_cancellation(
            call: { owner, sleeper in
                Unmanaged<SimulatedExecutor>.fromOpaque(owner).takeUnretainedValue()
                    .cancel(sleeper.assumingMemoryBound(to: Sleeper.self))
            },
            owner: Unmanaged.passUnretained(self).toOpaque(),
            argument: Unmanaged.passUnretained(self).toOpaque())
    }

    private func cancel(_ sleeper: UnsafeMutablePointer<Sleeper>) {
        if isHere {
            core.pointee.timers.cancel(sleeper)?.resume(returning: false)
        } else {
            post(.cancel(UInt64(UInt(bitPattern: sleeper))))
        }
    }

    func parkFromOutside(_ continuation: UnsafeContinuation<Bool, Never>, until deadline: Duration) {
        post(.sleep(continuation, until: deadline.attoseconds))
    }

    // MARK: Other threads

    private func post(_ mail: Mail) {
        inbox.withLock {
            if $0.isRunning { $0.foreignEnqueues += 1 }
            $0.mail.append(mail)
        }
        hasMail.store(true, ordering: .releasing)
    }

    /// - Returns: whether a run is on, which another thread has no business with.
    private func countEscape() -> Bool {
        inbox.withLock {
            if $0.isRunning { $0.foreignEnqueues += 1 }
            return $0.isRunning
        }
    }

    private func takeMail() {
        hasMail.store(false, ordering: .relaxed)
        // What is here before the first step came before the run.
        let isStarted = core.pointee.account.steps > 0
        let mail = inbox.withLock { inbox in
            let mail = inbox.mail
            inbox.mail = []
            return mail
        }
        for piece in mail {
            switch piece {
            case .job(let job, let process, let role):
                let arrived = core.pointee.arrive(job, process: process, role: role)
                if isStarted { core.pointee.noteEscape(of: arrived) }
            case .sleep(let continuation, let deadline):
                let sleeper = newSleeper()
                _ = core.pointee.timers.park(
                    sleeper, until: deadline, process: SimulatedProcess.world, continuation)
            case .cancel(let address):
                guard let sleeper = UnsafeMutablePointer<Sleeper>(bitPattern: UInt(address)) else { break }
                core.pointee.timers.cancel(sleeper)?.resume(returning: false)
            }
        }
    }
}
