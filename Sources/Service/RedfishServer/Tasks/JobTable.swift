/// A request to a slot that goes on after its HTTP request was answered: a Task of the task service.
struct Job: Sendable {
    enum State: String, Sendable {
        case running = "Running"
        case cancelling = "Cancelling"
        case completed = "Completed"
        case exception = "Exception"
        case cancelled = "Cancelled"

        var hasEnded: Bool { self == .completed || self == .exception || self == .cancelled }
    }

    let id: String
    /// "InsertMedia Slot_2"
    let name: String
    let slotName: String
    let slotPath: String
    /// Where the request was sent.
    let target: String
    let userName: String
    /// On the wall clock.
    let startedAt: Int64
    var endedAt: Int64?
    var state = State.running
    var outcome: MediaOutcome?
    /// Shown once its request could not wait for it.
    var isShown = false
    /// Whether it can be ended before it has; an ejection goes on to its end.
    let isCancellable: Bool
    let ended: Promise<MediaOutcome>
}

/// The jobs under way, and those that have ended as long as there is room for them.
struct JobTable {
    private var jobs: [String: Job] = [:]
    /// Oldest first.
    private var order: [String] = []
    private var next = 1

    var shown: [Job] { order.compactMap { jobs[$0] }.filter(\.isShown) }

    subscript(id: String) -> Job? {
        get { jobs[id] }
        set { if newValue != nil || jobs[id] != nil { jobs[id] = newValue } }
    }

    /// - Returns: `nil` when too many are under way.
    mutating func add(
        _ name: String, slot: MediaSlot, isCancellable: Bool, target: String, userName: String,
        startedAt: Int64
    ) -> Job? {
        while order.count >= RedfishLimits.tasks {
            guard let oldest = order.first(where: { jobs[$0]?.state.hasEnded == true }) else { return nil }
            remove(oldest)
        }
        let job = Job(
            id: "\(next)", name: name, slotName: slot.name, slotPath: slot.path, target: target,
            userName: userName, startedAt: startedAt, isCancellable: isCancellable, ended: Promise())
        next += 1
        jobs[job.id] = job
        order.append(job.id)
        return job
    }

    mutating func remove(_ id: String) {
        jobs[id] = nil
        order.removeAll { $0 == id }
    }

    mutating func end(_ id: String, _ outcome: MediaOutcome, at now: Int64) {
        guard var job = jobs[id] else { return }
        job.outcome = outcome
        job.endedAt = now
        switch outcome {
        case .done: job.state = .completed
        case .failed(let message, _):
            job.state = message.definition == .requestCancelled ? .cancelled : .exception
        }
        jobs[id] = job
        // Nobody was told of it: its request has its answer.
        if !job.isShown { remove(id) }
    }
}
