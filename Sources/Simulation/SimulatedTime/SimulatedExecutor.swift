import Glibc
import Synchronization

/// Runs every job of a simulation on one thread, in an order that a seed decides, under a clock that
/// moves only when nothing is ready.
///
/// It captures whatever is started with it as the preferred executor: child tasks, groups, default
/// actors, continuations, streams. What escapes it (unstructured tasks, the main actor, timers of
/// the standard clocks) comes back from another thread and is counted.
package final class SimulatedExecutor: TaskExecutor, SerialExecutor {
    /// Which of several ready jobs runs next.
    package enum Order: Sendable {
        /// As they became ready.
        case firstInFirstOut
        /// Drawn from a random stream: explores other schedules, reproducibly.
        case drawn(RandomStream)
    }

    fileprivate struct Timer {
        var deadline: Duration
        var identifier: UInt64
        static func precedes(_ left: Timer, _ right: Timer) -> Bool {
            (left.deadline, left.identifier) < (right.deadline, right.identifier)
        }
    }

    fileprivate struct State {
        var ready: [UnownedJob] = []
        /// Jobs before this index have run; the array is compacted now and then.
        var firstReady = 0
        var timers = Heap<Timer>(precedes: Timer.precedes)
        /// Continuations of timers not yet fired; a timer without one was cancelled.
        var sleepers: [UInt64: CheckedContinuation<Bool, Never>] = [:]
        var nextTimer: UInt64 = 0
        var now = Duration.zero
        var owner: pthread_t?
        var foreignEnqueues = 0
        var steps = 0
        var fingerprint = Fingerprint()
        var order: Order
    }
    private let state: Mutex<State>

    package init(order: Order = .firstInFirstOut) { state = Mutex(State(order: order)) }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock {
            if let owner = $0.owner, pthread_equal(owner, pthread_self()) == 0 { $0.foreignEnqueues += 1 }
            $0.ready.append(job)
        }
    }

    /// Virtual time since the start of the run.
    package var now: Duration { state.withLock { $0.now } }
    /// Jobs run so far.
    package var steps: Int { state.withLock { $0.steps } }
    /// Jobs that came from another thread during the run: each is an escape from determinism.
    package var foreignEnqueues: Int { state.withLock { $0.foreignEnqueues } }
    /// Hash of everything noted with ``note(_:)`` and of every timer that fired, with its time.
    package var traceHash: UInt64 { state.withLock { $0.fingerprint.hash } }

    /// Adds an event, with the present time and step, to the trace hash.
    package func note(_ event: String) {
        state.withLock {
            $0.fingerprint.fold($0.now)
            $0.fingerprint.fold(UInt64($0.steps))
            $0.fingerprint.fold(event)
        }
    }

    // MARK: Driving

    enum Progress { case ranJob, movedTime, nothingToDo }

    /// Makes the calling thread the one of this simulation.
    func adoptThread() { state.withLock { $0.owner = pthread_self() } }
    func releaseThread() { state.withLock { $0.owner = nil } }

    /// The earliest time at which a sleeper wakes.
    var nextDeadline: Duration? {
        state.withLock { state in
            state.dropCancelledTimers()
            return state.timers.first?.deadline
        }
    }

    /// Runs one ready job; with none, moves the clock to the next timer and wakes its sleeper.
    func advance(movingTime: Bool) -> Progress {
        if let job = state.withLock({ $0.takeReadyJob() }) {
            job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            return .ranJob
        }
        guard movingTime, let sleeper = state.withLock({ $0.takeDueTimer() }) else { return .nothingToDo }
        sleeper.resume(returning: true)
        return .movedTime
    }

    // MARK: Sleeping

    func newTimer() -> UInt64 {
        state.withLock {
            $0.nextTimer += 1
            return $0.nextTimer
        }
    }

    func park(
        _ continuation: CheckedContinuation<Bool, Never>, timer: UInt64, until deadline: Duration,
        isCancelled: Bool
    ) {
        guard !isCancelled else { return continuation.resume(returning: false) }
        state.withLock {
            $0.sleepers[timer] = continuation
            $0.timers.insert(Timer(deadline: deadline, identifier: timer))
        }
    }

    func cancel(timer: UInt64) {
        state.withLock { $0.sleepers.removeValue(forKey: timer) }?.resume(returning: false)
    }
}

extension SimulatedExecutor.State {
    fileprivate mutating func takeReadyJob() -> UnownedJob? {
        guard firstReady < ready.count else { return nil }
        steps += 1
        if case .drawn(var stream) = order {
            let index = Int.random(in: firstReady..<ready.count, using: &stream)
            order = .drawn(stream)
            ready.swapAt(firstReady, index)
        }
        let job = ready[firstReady]
        firstReady += 1
        if firstReady == ready.count || firstReady > 1024 {
            ready.removeFirst(firstReady)
            firstReady = 0
        }
        return job
    }

    fileprivate mutating func dropCancelledTimers() {
        while let first = timers.first, sleepers[first.identifier] == nil { _ = timers.removeFirst() }
    }

    fileprivate mutating func takeDueTimer() -> CheckedContinuation<Bool, Never>? {
        dropCancelledTimers()
        guard let timer = timers.removeFirst() else { return nil }
        now = max(now, timer.deadline)
        fingerprint.fold(now)
        fingerprint.fold(timer.identifier)
        return sleepers.removeValue(forKey: timer.identifier)
    }
}
