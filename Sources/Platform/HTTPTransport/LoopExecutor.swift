internal import NIOCore

/// Runs a task on the event loop of its connection.
///
/// What an application does for a request takes microseconds, and so does each change of threads: on the loop there
/// is none between reading a request and writing its answer. Actors without an executor of their own come along; what
/// takes long has one, as the KDF of passwords does.
final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
