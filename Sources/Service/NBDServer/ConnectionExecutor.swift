import CLinux
import Glibc
import Synchronization

/// Runs the tasks of one connection on its thread: jobs wait here until the thread's loop takes them,
/// and an event descriptor tells a loop that sleeps in poll.
final class ConnectionExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    let wakeUp: CInt

    /// - Returns: `nil`, with errno set, when there is no descriptor left.
    init?() {
        wakeUp = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
        if wakeUp < 0 { return nil }
    }

    deinit { Glibc.close(wakeUp) }

    func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        let isFirst = jobs.withLock { jobs in
            jobs.append(unowned)
            return jobs.count == 1
        }
        if isFirst { eventfd_write(wakeUp, 1) }
    }

    /// Runs what is queued, and what that queues in turn.
    func runJobs() {
        while true {
            let batch = jobs.withLock { jobs in
                defer { jobs.removeAll() }
                return jobs
            }
            if batch.isEmpty { return }
            for job in batch { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }

    func clearWakeUp() {
        var count: eventfd_t = 0
        eventfd_read(wakeUp, &count)
    }
}
