import Synchronization

/// An operating system process inside the simulation: tasks that can be stopped and killed from outside, all
/// together, whatever they are doing.
///
/// It is the task executor of the tasks that its ``spawner`` starts, and thereby of their child tasks and of
/// the default actors that they call. What they call in an actor of the world (one whose executor is
/// ``Simulation/executor``, such as a simulated kernel) runs there, not here.
///
/// A default actor takes its turns on the executor of whoever calls it, so one that is shared between
/// processes could die with either: an actor that belongs to no process alone must name an executor.
package final class SimulatedProcess: TaskExecutor {
    package enum ExitStatus: Equatable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    /// The process that stands for everything outside the service. It cannot be killed.
    static let world = 0

    package let name: String
    let number: Int
    private let executor: SimulatedExecutor
    private struct Life {
        var exitStatus: ExitStatus?
        var atDeath: [@Sendable () -> Void] = []
        /// The tasks that its death left behind.
        var remains: [Task<Void, Never>] = []
    }
    private let life = Mutex(Life())
    private let actorFacade: ActorFacade
    private let tasks: TaskRegistry

    init(_ name: String, executor: SimulatedExecutor, tasks: TaskRegistry) {
        self.name = name
        self.executor = executor
        self.tasks = tasks
        number = executor.settled.pointee.processes.count
        actorFacade = ActorFacade(executor: executor, process: number)
        executor.settled.pointee.processes.append(
            RunCore.Process(
                taskExecutor: asUnownedTaskExecutor(),
                actorExecutor: number == Self.world
                    ? executor.asUnownedSerialExecutor() : actorFacade.asUnownedSerialExecutor()))
    }

    /// Starts tasks of this process.
    package var spawner: SimulatedSpawner { SimulatedSpawner(self, executor: executor, tasks: tasks) }

    /// For actors of this process that name their executor.
    package var actorExecutor: any SerialExecutor {
        number == Self.world ? executor : actorFacade
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        executor.enqueue(UnownedJob(job), process: number, role: .task)
    }

    // MARK: Life and death

    package var isAlive: Bool { exitStatus == nil }
    /// `nil` while it lives.
    package var exitStatus: ExitStatus? { life.withLock { $0.exitStatus } }
    package var isPaused: Bool { executor.settled.pointee.processes[number].standing == .paused }

    /// As SIGKILL: nothing of it runs any more, nor is its cleaning up (`defer`, cancellation) carried out.
    /// Calls that it has under way in the world go on to their end there.
    ///
    /// Called from a job of its own, that job still runs on to where it next waits.
    package func kill(signal: Int32 = 9) { die(.killed(signal: signal)) }

    /// As exit(2): like ``kill(signal:)``, but with a status of its own choice.
    package func exit(_ status: Int32) { die(.exited(status)) }

    /// Calls `body` when the process dies, after those registered before; at once when it has died. Here the
    /// world closes what the process had open.
    package func atDeath(_ body: @escaping @Sendable () -> Void) {
        let isLate = life.withLock { life in
            if life.exitStatus == nil { life.atDeath.append(body) }
            return life.exitStatus != nil
        }
        if isLate { body() }
    }

    /// As SIGSTOP: its jobs wait, its timers go on.
    package func pause() {
        precondition(number != Self.world, "the world cannot be paused")
        guard isAlive, !isPaused else { return }
        executor.note("pause \(name)")
        executor.holdBack(process: number, as: .paused)
    }

    /// As SIGCONT: what waited becomes ready in its order.
    package func resume() {
        guard isPaused else { return }
        executor.note("resume \(name)")
        executor.letRun(process: number)
    }

    private func die(_ status: ExitStatus) {
        precondition(number != Self.world, "the world cannot be killed")
        let endings: [@Sendable () -> Void]? = life.withLock { life in
            guard life.exitStatus == nil else { return nil }
            life.exitStatus = status
            defer { life.atDeath = [] }
            return life.atDeath
        }
        guard let endings else { return }
        executor.note("end of \(name)")
        executor.holdBack(process: number, as: .dead)
        let remains = tasks.remove(process: number)
        life.withLock { $0.remains = remains }
        for ending in endings { ending() }
    }

    /// Lets what its death left behind run to its end, cancelled.
    func revive() {
        let remains = life.withLock { life in
            defer { life.remains = [] }
            return life.remains
        }
        executor.letRun(process: number)
        for task in remains { task.cancel() }
    }
}

/// The serial executor of a process's own actors.
private final class ActorFacade: SerialExecutor {
    private let executor: SimulatedExecutor
    private let process: Int

    init(executor: SimulatedExecutor, process: Int) {
        self.executor = executor
        self.process = process
    }

    func enqueue(_ job: consuming ExecutorJob) {
        executor.enqueue(UnownedJob(job), process: process, role: .actor)
    }
}

extension SimulatedExecutor {
    /// Takes the jobs of a process off the ready queue; the sleepers of a dead one never wake.
    func holdBack(process: Int, as standing: RunCore.Process.Standing) {
        let core = settled
        core.pointee.processes[process].standing = standing
        let held = core.pointee.ready.removeAll(of: process)
        core.pointee.processes[process].held += held
        if standing == .dead {
            let sleepers = core.pointee.timers.takeAll(of: process)
            core.pointee.processes[process].sleepers += sleepers
        }
    }

    func letRun(process: Int) {
        let core = settled
        core.pointee.processes[process].standing = .running
        for job in core.pointee.processes[process].held { core.pointee.ready.append(job) }
        core.pointee.processes[process].held = []
        let sleepers = core.pointee.processes[process].sleepers
        core.pointee.processes[process].sleepers = []
        for sleeper in sleepers { sleeper.resume(returning: false) }
    }
}
