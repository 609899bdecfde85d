import CLinux
import Glibc
import Synchronization

/// One thread that runs Swift jobs in the order they come: a task executor for what may block in
/// system calls, and a serial executor that an actor can be pinned to.
///
/// The thread lives until ``stop()``. Jobs that come later still run, in order, on a thread that lives as
/// long as there are any: the last reference to an actor may be dropped by a task that nobody waits for.
package final class ThreadExecutor: TaskExecutor, SerialExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isStopped = false
        var isWaiting = false
        /// The thread has left its loop for good.
        var hasEnded = false
    }

    private let state = Mutex(State())
    private let wakeUp: WakeUp
    private let name: String
    /// Whether code on this thread may wait in a system call instead of suspending.
    private let mayBlock: Bool

    package init(name: String, mayBlock: Bool = false) {
        self.name = name
        self.mayBlock = mayBlock
        self.wakeUp = WakeUp()
        let status = start()
        precondition(status == 0, "cannot start thread \(name): \(String(cString: strerror(status)))")
    }

    /// - Returns: `nil` when the system has no thread left.
    package init?(ifPossible name: String, mayBlock: Bool = false) {
        self.name = name
        self.mayBlock = mayBlock
        self.wakeUp = WakeUp()
        guard start() == 0 else { return nil }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        let (mustWake, mustStart) = state.withLock { state in
            state.jobs.append(unowned)
            defer {
                state.isWaiting = false
                state.hasEnded = false
            }
            return (state.isWaiting, state.hasEnded)
        }
        if mustWake { wakeUp.signal() }
        if mustStart {
            let status = start()
            precondition(status == 0, "cannot start thread \(name): \(String(cString: strerror(status)))")
        }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    package func checkIsolated() {
        precondition(pthread_equal(pthread_self(), thread.withLock { $0! }) != 0, "not on thread \(name)")
    }

    /// Lets the thread end once its queue is empty.
    package func stop() {
        state.withLock { $0.isStopped = true }
        wakeUp.signal()
    }

    /// True on a thread whose jobs may wait in system calls.
    package static var isBlockingAllowed: Bool { pthread_getspecific(blockingKey) != nil }

    /// Says that jobs of the calling thread may wait in system calls.
    package static func allowBlocking() {
        pthread_setspecific(blockingKey, UnsafeRawPointer(bitPattern: 1))
    }

    private static let blockingKey: pthread_key_t = {
        var key = pthread_key_t()
        precondition(pthread_key_create(&key, nil) == 0, "no thread-specific key left")
        return key
    }()

    private let thread = Mutex<pthread_t?>(nil)

    /// - Returns: 0, or an errno.
    private func start() -> CInt {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 512 << 10)
        var identifier = pthread_t()
        let context = Unmanaged.passRetained(self)
        let status = pthread_create(&identifier, &attributes, Self.entry, context.toOpaque())
        if status != 0 { context.release() }
        return status
    }

    private static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
        context in
        let executor = Unmanaged<ThreadExecutor>.fromOpaque(context!).takeRetainedValue()
        executor.run()
        return nil
    }

    private func run() {
        // Before the first job, which may ask whether it is on this thread.
        thread.withLock { $0 = pthread_self() }
        clinux_name_thread(String(name.prefix(15)))
        if mayBlock { Self.allowBlocking() }
        var batch: [UnownedJob] = []
        while true {
            let isDone = state.withLock { state in
                swap(&batch, &state.jobs)
                state.isWaiting = batch.isEmpty && !state.isStopped
                state.hasEnded = batch.isEmpty && state.isStopped
                return state.hasEnded
            }
            if isDone { return }
            if batch.isEmpty {
                wakeUp.wait()
                continue
            }
            for job in batch {
                job.runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            }
            batch.removeAll(keepingCapacity: true)
        }
    }
}

/// A counting wake-up for one waiting thread. Signals are never lost; extra ones cost a loop.
private final class WakeUp: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0 && errno == EINTR {}
    }
}
