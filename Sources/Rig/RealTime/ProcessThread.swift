internal import LinuxPlatform
internal import Threads

/// One thread of an emulated process. It runs jobs in the order they come while its process lives and is not
/// stopped; what a dead process had still to run is never run.
final class ProcessThread: TaskExecutor {
    enum Standing { case running, paused, dead }

    private struct State {
        var jobs: [UnownedJob] = []
        var standing: Standing
        /// Its task is over: the thread ends with its last job.
        var isDone = false
        var hasEnded = false
    }

    private enum Step {
        case run(UnownedJob)
        case end
    }

    private let state: Monitor<State>
    /// Runs what comes after this thread's end: the turn of an actor that its task was the first to call.
    private let successor: ProcessThread?

    /// - Parameter mayBlock: whether its jobs may wait in system calls.
    /// - Returns: `nil` when the system has no thread left.
    init?(_ name: String, standing: Standing, mayBlock: Bool, successor: ProcessThread?) {
        state = Monitor(State(standing: standing))
        self.successor = successor
        let isStarted = BlockingThread.start(name) { [self] in
            if mayBlock { ThreadExecutor.allowBlocking() }
            run()
        }
        guard isStarted else { return nil }
    }

    func enqueue(_ job: consuming ExecutorJob) { take(UnownedJob(job)) }

    private func take(_ job: UnownedJob) {
        let isTaken = state.change { state -> Bool in
            if state.hasEnded && state.standing != .dead { return false }
            if state.standing != .dead { state.jobs.append(job) }
            return true
        }
        if !isTaken { successor?.take(job) }
    }

    func set(_ standing: Standing) {
        state.change { state in
            guard state.standing != .dead else { return }
            state.standing = standing
            if standing == .dead { state.jobs = [] }
        }
    }

    /// Lets the thread end once nothing is left to run.
    func finish() { state.change { $0.isDone = true } }

    private func run() {
        while case .run(let job) = nextStep() { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func nextStep() -> Step {
        state.wait { state in
            if state.standing == .dead {
                state.hasEnded = true
                return .end
            }
            if state.standing == .paused { return nil }
            if !state.jobs.isEmpty { return .run(state.jobs.removeFirst()) }
            guard state.isDone else { return nil }
            state.hasEnded = true
            return .end
        }
    }
}
