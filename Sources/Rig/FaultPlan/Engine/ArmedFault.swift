import FaultPoints
import RunLog
import SimulatedTime

/// One fault of a plan while a run goes on: what it waits for, and what it did.
struct ArmedFault {
    /// Later than every time of a run.
    static let never = Duration.seconds(Int64.max)

    let fault: Fault
    let kind: FaultKind
    let parameters: FaultParameters
    private(set) var tally: FaultTally
    /// Removed faults stay, for their tallies.
    var isRemoved = false
    /// A strike that lasts and has begun: when it ends, ``never`` if only by the heal.
    private(set) var lastingUntil: Duration?
    private(set) var lastingSlot: String?

    private let addedAt: Duration
    private let operations: [Glob]
    private let target: Glob?
    private let slot: Glob?
    private let entity: Glob?
    /// Of the trigger and of the actions: a change of one leaves the other's draws as they were.
    private var chance: RandomStream
    private var details: RandomStream
    private var byteCount: UInt64 = 0
    private var eventCount = 0
    /// Fires at every occasion before this.
    private var openUntil = Duration.zero
    private var hasBegun = false
    private var holds: [FaultHold] = []

    init(_ fault: Fault, of kind: FaultKind, _ parameters: FaultParameters, seed: UInt64, at time: Duration) {
        self.fault = fault
        self.kind = kind
        self.parameters = parameters
        tally = FaultTally(identifier: fault.identifier, kind: fault.kind)
        addedAt = time
        let wanted = fault.select.operations
        operations =
            (wanted.isEmpty && fault.select.layer ?? kind.metIn == kind.metIn ? kind.operations : wanted)
            .map(Glob.init)
        target = fault.select.target.map(Glob.init)
        slot = fault.select.slot.map(Glob.init)
        if case .onState(let name?, _, _, _) = fault.trigger { entity = Glob(name) } else { entity = nil }
        let streams = RandomStreams(seed: seed)
        chance = streams.stream(fault.streamName + " chance")
        details = streams.stream(fault.streamName + " details")
    }

    /// Where it looks at occasions; `nil` if it never does.
    var layer: FaultLayer? {
        kind.manner == .met || fault.trigger.isCounted ? fault.select.layer ?? kind.metIn : nil
    }

    /// The slot of its selector, where that names one and no more.
    private var namedSlot: String? {
        fault.select.slot.flatMap { name in name.contains { $0 == "*" || $0 == "?" } ? nil : name }
    }

    private var isSpent: Bool { isRemoved || tally.fired >= fault.budget.times ?? .max }

    // MARK: Occasions

    /// - Returns: whether it fires.
    mutating func meets(_ occasion: FaultOccasion, state: String?, existingFiles: [String]) -> Bool {
        guard !isRemoved, selects(occasion, state: state) else { return false }
        tally.matched += 1
        byteCount &+= UInt64(occasion.bytes?.count ?? 0)
        let isDue = isDue(at: occasion.time, existingFiles: existingFiles)
        return isDue && !isSpent
    }

    private func selects(_ occasion: FaultOccasion, state: String?) -> Bool {
        let select = fault.select
        if !operations.isEmpty, !operations.contains(where: { $0.matches(occasion.operation) }) {
            return false
        }
        if let target, !target.matches(occasion.target) { return false }
        if let slot {
            guard let name = occasion.slot, slot.matches(name) else { return false }
        }
        if let connection = select.connection, connection != occasion.connection { return false }
        if let direction = select.direction, direction != occasion.direction { return false }
        if let span = select.bytes {
            guard let bytes = occasion.bytes, bytes.overlaps(span.bytes) else { return false }
        }
        return select.states.isEmpty || state.map(select.states.contains) ?? false
    }

    private mutating func isDue(at time: Duration, existingFiles: [String]) -> Bool {
        // Drawn for every occasion, so that a window or a budget shifts nothing.
        let draw: Double
        if case .probability = fault.trigger { draw = chance.unitInterval() } else { draw = 1 }
        if kind.manner == .met, time < openUntil { return true }
        guard isHit(at: time, draw: draw, existingFiles: existingFiles) else { return false }
        if fault.trigger.isCounted, kind.manner == .met, let duration = fault.duration {
            openUntil = time + duration
        }
        return kind.manner != .lasting || lastingUntil == nil
    }

    private func isHit(at time: Duration, draw: Double, existingFiles: [String]) -> Bool {
        let number = tally.matched
        switch fault.trigger {
        case .always: return fault.duration.map { time < addedAt + $0 } ?? true
        case .untilCleared: return true
        case .nth(let wanted): return number == wanted
        case .every(let step, let offset): return number > offset && (number - offset) % step == 0
        case .range(let first, let last, let step):
            return number >= first && number <= last ?? .max && (number - first) % step == 0
        case .afterBytes(let limit): return byteCount > limit
        case .atTime(let start): return time >= start && (fault.duration.map { time < start + $0 } ?? true)
        case .probability(let chance): return draw < chance
        case .whileFile(let path): return existingFiles.contains(path)
        case .betweenSteps(let step): return number == step + 1
        case .onEvent, .onState: return false
        }
    }

    /// Draws what is done to the occasion, within the budget; nothing if its kind finds nothing to do
    /// there, which counts as not fired.
    mutating func fire(at occasion: FaultOccasion, state: String?) -> [FaultAction] {
        var actions = kind.actions(parameters, occasion, &details)
        guard !actions.isEmpty else { return [] }
        count(at: occasion.time, state: state)
        for index in actions.indices {
            switch actions[index] {
            case .delay(let delay): actions[index] = .delay(spend(delay))
            case .hold(let hold):
                if let end = windowEnd(at: occasion.time) {
                    actions[index] = .delay(spend(end - occasion.time))
                } else if fault.budget.stall != nil {
                    actions[index] = .delay(spend(Self.never))
                } else {
                    keep(hold)
                }
            default: break
            }
        }
        return actions
    }

    /// When a hold of this occasion would be let go.
    private func windowEnd(at time: Duration) -> Duration? {
        guard let duration = fault.duration else { return nil }
        switch fault.trigger {
        case .always: return addedAt + duration
        case .atTime(let start): return start + duration
        case .untilCleared, .whileFile: return nil
        default: return openUntil == Self.never ? nil : max(time, openUntil)
        }
    }

    private mutating func spend(_ delay: Duration) -> Duration {
        var delay = delay
        if let limit = fault.budget.stall {
            delay = min(delay, limit - .nanoseconds(tally.stallNanoseconds))
        }
        tally.stallNanoseconds += delay.nanosecondCount
        return delay
    }

    private mutating func keep(_ hold: FaultHold) {
        // Those that are over are of no use; looked through each time their number has doubled.
        if holds.count >= 64, holds.count.nonzeroBitCount == 1 { holds.removeAll { $0.isReleased } }
        holds.append(hold)
    }

    private mutating func count(at time: Duration, state: String?) {
        tally.fired += 1
        tally.firedByState[state ?? "-", default: 0] += 1
        if tally.firstFiredNanoseconds == nil { tally.firstFiredNanoseconds = time.nanosecondCount }
    }

    mutating func takeHolds() -> [FaultHold] {
        defer { holds = [] }
        return holds
    }

    // MARK: Events and states

    /// - Returns: whether it strikes now; one that is met becomes active instead.
    mutating func observes(event: String, slot name: String?, state: String?, at time: Duration) -> Bool {
        guard case .onEvent(let wanted, let number) = fault.trigger, wanted == event else { return false }
        return activates(number, slot: name, state: state, at: time)
    }

    mutating func observes(
        _ name: String, from old: String, to new: String, at time: Duration
    ) -> Bool {
        guard case .onState(_, let wanted, let edge, let number) = fault.trigger,
            wanted == (edge == .enter ? new : old), entity?.matches(name) ?? true
        else { return false }
        return activates(number, slot: name, state: new, at: time)
    }

    private mutating func activates(_ number: Int?, slot name: String?, state: String?, at time: Duration)
        -> Bool
    {
        guard !isRemoved else { return false }
        if kind.manner != .met, !suits(slot: name, state: state) { return false }
        if let slot, !(name.map(slot.matches) ?? false) { return false }
        eventCount += 1
        if let number, number != eventCount { return false }
        guard kind.manner == .met else {
            tally.matched += 1
            return !isSpent && (kind.manner != .lasting || lastingUntil == nil)
        }
        openUntil = fault.duration.map { time + $0 } ?? Self.never
        return false
    }

    private func suits(slot name: String?, state: String?) -> Bool {
        fault.select.states.isEmpty || state.map(fault.select.states.contains) ?? false
    }

    // MARK: Strikes

    /// When it strikes by itself next, or when what it began ends; may be in the past.
    var nextStrike: Duration? {
        guard kind.manner != .met, !isRemoved else { return nil }
        if let lastingUntil { return lastingUntil == Self.never ? nil : lastingUntil }
        guard !hasBegun, !isSpent else { return nil }
        switch fault.trigger {
        case .always, .untilCleared: return addedAt
        case .atTime(let time): return max(time, addedAt)
        default: return nil
        }
    }

    /// The next strike due by then, begin or end; to be asked until there is none.
    mutating func strike(
        dueAt now: Duration, existingFiles: [String], stateOf: (String) -> String?
    ) -> Strike? {
        guard kind.manner != .met, !isRemoved else { return nil }
        if case .whileFile(let path) = fault.trigger {
            let exists = existingFiles.contains(path)
            if lastingUntil != nil { return exists ? nil : endLasting(at: now) }
            guard exists != hasBegun else { return nil }
            hasBegun = exists
            guard exists, !isSpent else { return nil }
            tally.matched += 1
            return begin(slot: nil, at: now, state: nil)
        }
        guard let time = nextStrike, time <= now else { return nil }
        if lastingUntil != nil { return endLasting(at: time) }
        hasBegun = true
        let state = namedSlot.flatMap(stateOf)
        guard suits(slot: namedSlot, state: state) else { return nil }
        tally.matched += 1
        return begin(slot: nil, at: time, state: state)
    }

    /// Strikes because of an occasion or an event, which has been counted as matched.
    mutating func begin(slot name: String?, at time: Duration, state: String?) -> Strike {
        count(at: time, state: state)
        let lasts = kind.manner == .lasting
        let isEndless = fault.duration == nil || fault.trigger == .untilCleared
        let end = lasts && !isEndless ? fault.duration.map { time + $0 } : nil
        if lasts { lastingUntil = end ?? Self.never }
        lastingSlot = namedSlot ?? name
        return Strike(
            identifier: fault.identifier, kind: fault.kind, parameters: parameters, slot: lastingSlot,
            phase: .begin, time: time, end: end)
    }

    /// Ends what lasts; `nil` if nothing does.
    mutating func endLasting(at time: Duration) -> Strike? {
        guard lastingUntil != nil else { return nil }
        lastingUntil = nil
        return Strike(
            identifier: fault.identifier, kind: fault.kind, parameters: parameters, slot: lastingSlot,
            phase: .end, time: time, end: nil)
    }
}
