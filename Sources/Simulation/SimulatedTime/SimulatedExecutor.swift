import CEscapeSensors
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
        case cancel(TimerToken)
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
    package var steps: Int { settled.pointee.steps }
    /// Hash of everything noted with ``note(_:)``, every timer that fired, with its time, and every choice.
    package var traceHash: UInt64 { settled.pointee.hash.value }
    /// ``traceHash`` after each 256 steps.
    package var traceCheckpoints: [UInt64] { settled.pointee.checkpoints }
    /// Place of the chosen job among the ready ones, for each time that more than one was ready; what is
    /// missing at the end is 0, the oldest. With ``Schedule/replay(_:)`` they give the same run again.
    package var choices: [UInt32] { settled.pointee.scheduler.choices }
    /// Times that more than one job was ready.
    package var decisions: Int { settled.pointee.scheduler.decisions }
    /// How many jobs were ready at the first decisions.
    var branches: [Int] { settled.pointee.scheduler.branches }
    /// Where replayed choices no longer fitted.
    package var replayDivergence: ReplayDivergence? { settled.pointee.scheduler.divergence }
    /// Jobs that came from another thread during the run: each is an escape from determinism.
    package var foreignEnqueues: Int { inbox.withLock { $0.foreignEnqueues } }

    /// Adds an event, with the present time and step, to the trace hash.
    package func note(_ event: String) {
        guard isHere || !countEscape() else { return }
        core.pointee.hash.fold(core.pointee.now)
        core.pointee.hash.fold(UInt64(core.pointee.steps))
        core.pointee.hash.fold(event)
    }

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
    var runningProcess: Int { settled.pointee.running.map { Int($0.process) } ?? SimulatedProcess.world }

    // MARK: Driving

    enum Progress { case ranJob, movedTime, nothingToDo, outOfTime }

    /// Makes the calling thread the one of this simulation.
    ///
    /// - Returns: the executor of the simulation around this one, for ``releaseThread(to:)``.
    func adoptThread() -> UnsafeRawPointer? {
        inbox.withLock { $0.isRunning = true }
        let outer = escape_sensors_executor()
        escape_sensors_set_executor(Unmanaged.passUnretained(self).toOpaque())
        return outer
    }

    func releaseThread(to outer: UnsafeRawPointer?) {
        escape_sensors_set_executor(outer)
        inbox.withLock { $0.isRunning = false }
    }

    /// Runs one ready job; with none, moves the clock to the next deadline and wakes who sleeps until then.
    ///
    /// - Parameter timeLimit: In attoseconds; `nil`: does not move the clock.
    func advance(timeLimit: Int128?) -> Progress {
        if hasMail.load(ordering: .acquiring) { takeMail() }
        if let job = core.pointee.takeJob() {
            run(job)
            return .ranJob
        }
        guard let timeLimit, let deadline = core.pointee.timers.firstDeadline else { return .nothingToDo }
        guard deadline <= timeLimit else { return .outOfTime }
        core.pointee.moveTime()
        nowLow.store(UInt64(truncatingIfNeeded: core.pointee.now), ordering: .relaxed)
        nowHigh.store(Int64(truncatingIfNeeded: core.pointee.now >> 64), ordering: .relaxed)
        while let sleeper = core.pointee.takeDueSleeper() { sleeper.resume(returning: true) }
        return .movedTime
    }

    func closeSchedule() { core.pointee.scheduler.close() }

    private func run(_ job: ReadyJob) {
        let taskExecutor = core.pointee.processes[Int(job.home)].taskExecutor
        core.pointee.begin(job)
        switch job.role {
        case .task: job.job.runSynchronously(on: taskExecutor)
        case .actor:
            let actorExecutor = core.pointee.processes[Int(job.process)].actorExecutor
            job.job.runSynchronously(isolatedTo: actorExecutor, taskExecutor: taskExecutor)
        }
        core.pointee.finishStep()
    }

    // MARK: Sleeping

    /// - Returns: `nil` on another thread than that of the run.
    func newTimer() -> TimerToken? { isHere ? core.pointee.timers.make() : nil }

    /// - Parameter isolation: That of the caller, so that a sleep in an actor of the world passes through no
    ///   process.
    /// - Returns: `false` when the task was cancelled.
    func sleep(
        _ timer: TimerToken, until deadline: Duration, isolation: isolated (any Actor)? = #isolation
    ) async -> Bool {
        // The handler runs at once in a task that is cancelled already, and then nothing is parked.
        await withTaskCancellationHandler(
            operation: {
                _ = isolation
                return await withUnsafeContinuation(isolation: isolation) { continuation in
                    let isParked = core.pointee.timers.park(
                        timer, until: deadline.attoseconds, process: runningProcess, continuation)
                    if !isParked { continuation.resume(returning: false) }
                }
            }, onCancel: { cancel(timer: timer) }, isolation: isolation)
    }

    func cancel(timer: TimerToken) {
        guard isHere else { return post(.cancel(timer)) }
        core.pointee.timers.cancel(timer)?.resume(returning: false)
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
        let mail = inbox.withLock { inbox in
            let mail = inbox.mail
            inbox.mail = []
            return mail
        }
        for piece in mail {
            switch piece {
            case .job(let job, let process, let role):
                core.pointee.arrive(job, process: process, role: role)
            case .sleep(let continuation, let deadline):
                let timer = core.pointee.timers.make()
                _ = core.pointee.timers.park(
                    timer, until: deadline, process: SimulatedProcess.world, continuation)
            case .cancel(let timer): core.pointee.timers.cancel(timer)?.resume(returning: false)
            }
        }
    }
}
