/// What a slot does about each event: no I/O, no clock, no tasks.
///
///     Ready ──mount──▶ Activating ──proven and bound──▶ Active ◀──reconnected── Recovering
///       ▲                  │ failed, cancelled,           │ └──connections dead──▶ │
///       │                  ▼ deadline                     ▼ unmount, eject, idle   ▼ gave up
///       └──all removed── Deactivating ◀──────────────────────────────────────────────
///
/// Every state but Ready and Active has a deadline, every step in Active too, and in Deactivating
/// each step is given up in its turn, so that no state is without an exit. The shell runs the steps
/// that ``Effect/run(_:)`` names, reports their ends, and sends ``Event/tick`` at ``nextDeadline``.
package struct SlotMachine: Sendable {
    struct Running: Equatable, Sendable {
        var ticket: StepTicket
        /// `nil`: the deadline of the state is enough.
        var deadline: Duration?
    }

    let mode: SlotMode
    let limits: Limits

    package private(set) var state = State.ready
    package private(set) var generation: UInt64 = 0
    var stepCount: UInt64 = 0
    var running: Running?
    /// Steps still to run in this state, first to last.
    var plan: [SlotStep] = []
    /// When this state is left at the latest.
    var stateDeadline: Duration?
    /// When to look at the truth next.
    var pollAt: Duration?
    /// When to seek the lost source next, and how often it was sought.
    var retryAt: Duration?
    var attempts = 0
    /// While some connections are left: when to seek the others again at the earliest.
    var replenishAt: Duration?
    /// When hosts begin to see errors.
    var stallEnd: Duration?
    /// Steps that were given up and have not reported their end.
    var abandoned: Set<UInt64> = []
    var isSevered = false
    var isLookWanted = false
    var isShuttingDown = false
    /// Something may have been left behind by a step that failed twice or ended late.
    var isSweepWanted = false
    /// Sweeps in a row that could not remove everything.
    var failedSweeps = 0

    var pendingMount = false
    var pendingUnmount = false
    /// Why the slot deactivates; the outcome of a pending mount.
    var ending: SlotFailure?
    /// Steps of the present teardown that have had their second turn.
    var retried: Set<SlotStep> = []
    /// Why what the host wrote may not have reached the source.
    var unstored: SlotFailure?
    /// What the present teardown could not remove.
    var residue: [String] = []

    /// The last failure, until the next mount.
    package internal(set) var lastFailure: SlotFailure?
    /// What was last seen of the mounted medium.
    package internal(set) var observation: Observation?
    package var lastActivity = Duration.zero
    var cacheDrops = 0
    var failedObservations = 0

    package init(mode: SlotMode, limits: Limits) {
        self.mode = mode
        self.limits = limits
    }

    /// - Returns: what to do, in order.
    package mutating func handle(_ event: Event, at now: Duration) -> [Effect] {
        switch event {
        case .start: return state == .ready && running == nil ? [run(.sweep, at: now)] : []
        case .mount: return mount(at: now)
        case .unmount: return unmount(at: now)
        case .shutDown: return shutDown(at: now)
        case .hint: return hint(at: now)
        case .tick: return tick(at: now)
        case .finished(let ticket, let outcome):
            guard running?.ticket == ticket else { return finishedLate(ticket, at: now) }
            running = nil
            return finished(ticket.step, outcome, at: now)
        }
    }

    /// The step that is being carried out.
    package var runningTicket: StepTicket? { running?.ticket }

    /// When ``Event/tick`` is due at the latest; `nil` while only an event can change anything.
    package var nextDeadline: Duration? {
        var deadlines = [running?.deadline, stateDeadline, stallEnd]
        if running == nil { deadlines += [pollAt, retryAt] }
        return deadlines.compactMap(\.self).min()
    }

    // MARK: Requests

    private mutating func mount(at now: Duration) -> [Effect] {
        switch state {
        case .ready:
            guard !isShuttingDown else { return [.refuse(.notPermitted("the service is ending"))] }
            return activate(at: now)
        case .active, .recovering:
            return [.refuse(.notPermitted("an image is mounted already; unmount it first"))]
        case .activating, .deactivating:
            return [.refuse(.busy("the slot is \(state.rawValue.lowercased())"))]
        }
    }

    private mutating func unmount(at now: Duration) -> [Effect] {
        switch state {
        case .ready: return [.refuse(.notPermitted("nothing is mounted"))]
        case .deactivating where pendingUnmount:
            return [.refuse(.busy("an unmount is under way"))]
        case .deactivating:
            pendingUnmount = true
            return []
        case .activating, .active, .recovering:
            pendingUnmount = true
            return cancelMount() + deactivate(because: nil, at: now)
        }
    }

    private mutating func shutDown(at now: Duration) -> [Effect] {
        isShuttingDown = true
        switch state {
        case .ready, .deactivating: return []
        case .activating, .active, .recovering: return cancelMount() + deactivate(because: nil, at: now)
        }
    }

    /// A mount that never became active is answered the moment it is given up.
    private mutating func cancelMount() -> [Effect] {
        guard pendingMount else { return [] }
        pendingMount = false
        return [.complete(.mount, .cancelled)]
    }

    // MARK: Ends of steps

    private mutating func finished(_ step: SlotStep, _ outcome: Outcome, at now: Duration) -> [Effect] {
        switch state {
        case .ready: return finishedSweep(outcome, at: now)
        case .activating: return finishedActivating(step, outcome, at: now)
        case .active: return finishedActive(step, outcome, at: now)
        case .recovering: return finishedRecovering(step, outcome, at: now)
        case .deactivating: return finishedDeactivating(step, outcome, at: now)
        }
    }

    /// The end of a step that was given up may have left something; a repeated or foreign end is nothing.
    private mutating func finishedLate(_ ticket: StepTicket, at now: Duration) -> [Effect] {
        guard abandoned.remove(ticket.number) != nil else { return [] }
        isSweepWanted = true
        return state == .ready ? sweepIfNeeded(at: now) : []
    }

    /// What could not be removed is tried again, after pauses that grow, because a host may still have it.
    private mutating func finishedSweep(_ outcome: Outcome, at now: Duration) -> [Effect] {
        guard case .failed(let failure) = outcome else {
            failedSweeps = 0
            return sweepIfNeeded(at: now)
        }
        failedSweeps += 1
        guard !isShuttingDown, failedSweeps < limits.sweeps else {
            lastFailure = lastFailure ?? SlotFailure(failure.code, "left behind: \(failure.message)")
            return [.publish]
        }
        retryAt = now + limits.pause(after: failedSweeps)
        return []
    }

    private mutating func tickReady(at now: Duration) -> [Effect] {
        guard let retryAt, retryAt <= now, running == nil else { return [] }
        self.retryAt = nil
        isSweepWanted = true
        return sweepIfNeeded(at: now)
    }

    mutating func sweepIfNeeded(at now: Duration) -> [Effect] {
        guard isSweepWanted, abandoned.isEmpty, running == nil else { return [] }
        isSweepWanted = false
        return [run(.sweep, at: now)]
    }

    private mutating func hint(at now: Duration) -> [Effect] {
        switch state {
        // Each step of these re-reads what it needs by itself.
        case .ready, .activating, .deactivating: return []
        case .active, .recovering:
            guard running == nil else {
                isLookWanted = true
                return []
            }
            return [run(.observe, at: now)]
        }
    }

    private mutating func tick(at now: Duration) -> [Effect] {
        if let running, let deadline = running.deadline, deadline <= now {
            self.running = nil
            abandoned.insert(running.ticket.number)
            return [.cancel(running.ticket)] + overran(running.ticket.step, at: now)
        }
        switch state {
        case .ready: return tickReady(at: now)
        case .activating: return tickActivating(at: now)
        case .active: return tickActive(at: now)
        case .recovering: return tickRecovering(at: now)
        case .deactivating: return tickDeactivating(at: now)
        }
    }

    /// A step has not ended by its deadline, and was given up.
    private mutating func overran(_ step: SlotStep, at now: Duration) -> [Effect] {
        let failure = SlotFailure(.timedOut, "step \(step.rawValue) did not end in time")
        switch state {
        case .ready: return []
        case .activating: return finishedActivating(step, .failed(failure), at: now)
        case .active: return finishedActive(step, .failed(failure), at: now)
        case .recovering: return finishedRecovering(step, .failed(failure), at: now)
        case .deactivating: return overranDeactivating(step, failure, at: now)
        }
    }

    // MARK: Changes of state

    /// The one place that changes the state: nothing timed survives from the state before.
    mutating func enter(_ next: State, plan: [SlotStep] = [], deadline: Duration? = nil) {
        state = next
        self.plan = plan
        stateDeadline = deadline
        pollAt = nil
        retryAt = nil
        replenishAt = nil
        stallEnd = nil
        isLookWanted = false
    }

    mutating func beginGeneration() {
        generation += 1
        lastFailure = nil
        observation = nil
        residue = []
        unstored = nil
        ending = nil
        attempts = 0
        failedSweeps = 0
        cacheDrops = 0
        failedObservations = 0
        isSevered = false
    }

    mutating func run(_ step: SlotStep, at now: Duration) -> Effect {
        precondition(running == nil, "\(step) while \(String(describing: running)) runs")
        stepCount += 1
        let ticket = StepTicket(generation: generation, number: stepCount, step: step)
        running = Running(ticket: ticket, deadline: limits.time(for: step, in: state).map { now + $0 })
        return .run(ticket)
    }

    /// Runs the next step of the plan, if one is left and none runs.
    mutating func runNext(at now: Duration) -> [Effect] {
        guard running == nil, !plan.isEmpty else { return [] }
        return [run(plan.removeFirst(), at: now)]
    }
}
