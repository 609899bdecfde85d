/// A job that can run now, or could but for its process.
struct ReadyJob {
    enum Role: UInt8 {
        /// Of a task that is isolated to no actor of ours, or a turn of a default actor.
        case task
        /// Isolated to an actor that names the executor as its own.
        case actor
    }

    var job: UnownedJob
    /// The task it belongs to, or that gave an actor its turn. Numbered by the Swift runtime, per operating
    /// system process, so nothing may depend on its value.
    var runtimeTask: UInt64
    /// Numbered in the order of first sight; 0 where no strategy or trace asks for it.
    var task: UInt32
    /// The process whose stopping or death holds it back: in an actor of the world none's.
    var process: UInt32
    /// The process of its task.
    var home: UInt32
    var role: Role
    /// Comes back into an actor of the world, by way of the executor of its process: nothing of the process
    /// runs, so nothing holds it back.
    var isPassing: Bool
}

/// Ready jobs in the order they became ready: a ring.
struct ReadyQueue: ~Copyable {
    private var jobs: UnsafeMutablePointer<ReadyJob>
    /// A power of two.
    private var capacity = 64
    private var head = 0
    private(set) var count = 0

    init() { jobs = .allocate(capacity: capacity) }

    deinit { jobs.deallocate() }

    var isEmpty: Bool { count == 0 }

    /// - Parameter index: From the oldest, 0.
    subscript(index: Int) -> ReadyJob {
        @inline(__always) get { jobs[place(index)] }
    }

    @inline(__always) private func place(_ index: Int) -> Int { (head + index) & (capacity - 1) }

    mutating func append(_ job: ReadyJob) {
        if count == capacity { grow() }
        (jobs + place(count)).initialize(to: job)
        count += 1
    }

    /// - Parameter index: Below ``count``.
    mutating func remove(at index: Int) -> ReadyJob {
        let job = jobs[place(index)]
        var index = index
        while index > 0 {
            jobs[place(index)] = jobs[place(index - 1)]
            index -= 1
        }
        head = place(1)
        count -= 1
        return job
    }

    /// Takes out all jobs of a process but those that only pass, oldest first.
    mutating func removeAll(of process: Int) -> [ReadyJob] {
        var taken: [ReadyJob] = []
        for _ in 0..<count {
            let job = remove(at: 0)
            if job.process == process, !job.isPassing { taken.append(job) } else { append(job) }
        }
        return taken
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<ReadyJob>.allocate(capacity: capacity * 2)
        for index in 0..<count { (larger + index).initialize(to: self[index]) }
        jobs.deallocate()
        jobs = larger
        capacity *= 2
        head = 0
    }
}
