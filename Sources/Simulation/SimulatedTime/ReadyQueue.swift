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
}

/// Ready jobs in the order they became ready.
struct ReadyQueue {
    private var jobs: [ReadyJob] = []
    private var head = 0

    var count: Int { jobs.count - head }
    var isEmpty: Bool { head == jobs.count }
    /// - Parameter index: From the oldest, 0.
    subscript(index: Int) -> ReadyJob { jobs[head + index] }

    mutating func append(_ job: ReadyJob) { jobs.append(job) }

    mutating func remove(at index: Int) -> ReadyJob {
        let job = jobs[head + index]
        var position = head + index
        while position > head {
            jobs[position] = jobs[position - 1]
            position -= 1
        }
        head += 1
        if head == jobs.count {
            jobs.removeAll(keepingCapacity: true)
            head = 0
        } else if head > Self.compactionLength {
            jobs.removeFirst(head)
            head = 0
        }
        return job
    }

    /// Takes out all jobs of a process, oldest first.
    mutating func removeAll(of process: Int) -> [ReadyJob] {
        let all = jobs[head...]
        let taken = all.filter { $0.process == process }
        jobs = all.filter { $0.process != process }
        head = 0
        return taken
    }

    private static let compactionLength = 1024
}
