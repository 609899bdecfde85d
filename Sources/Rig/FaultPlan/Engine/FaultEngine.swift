package import FaultPoints
package import RunLog
import Synchronization

/// Decides, for a plan and its seed, what goes wrong and when. Any thread may call it.
///
/// The same calls in the same order give the same answers. Each fault counts and draws by itself, so
/// taking one away changes nothing for the others.
package final class FaultEngine: FaultInjector {
    /// What the engine asks of, and tells, the world around it. None is called under a lock of the
    /// engine's, so each may call it.
    package struct Surroundings: Sendable {
        /// The state of a slot; what ``FaultEngine/stateChanged(_:from:to:at:)`` said last if `nil`.
        package var stateOf: (@Sendable (String) -> String?)?
        /// For `while file`.
        package var fileExists: @Sendable (String) -> Bool
        /// Is told each firing.
        package var report: @Sendable (FaultFiring) -> Void
        /// Carries out what strikes by itself; begin and end. Afterwards the world asks
        /// ``FaultEngine/nextStrike`` again.
        package var onStrike: @Sendable (Strike) -> Void

        package init(
            stateOf: (@Sendable (String) -> String?)? = nil,
            fileExists: @escaping @Sendable (String) -> Bool = { _ in false },
            report: @escaping @Sendable (FaultFiring) -> Void = { _ in },
            onStrike: @escaping @Sendable (Strike) -> Void = { _ in }
        ) {
            self.stateOf = stateOf
            self.fileExists = fileExists
            self.report = report
            self.onStrike = onStrike
        }
    }

    private struct State {
        var armed: [ArmedFault] = []
        /// Those that look at the occasions of a layer, in the order of the plan.
        var byLayer = [[Int]](repeating: [], count: FaultLayer.allCases.count)
        var states: [String: String] = [:]
        var isHealed = false
    }

    /// What has to happen outside the lock.
    private struct Consequences {
        var firings: [FaultFiring] = []
        /// Told to `onStrike`, in order.
        var strikes: [Strike] = []
        var holds: [FaultHold] = []
    }

    private let state: Mutex<State>
    /// A bit for each layer with faults, and those below: quiet layers cost one load.
    private let interests: Atomic<UInt32>
    private static let eventBit: UInt32 = 1 << 30
    private static let fileBit: UInt32 = 1 << 31

    private let catalogue: FaultCatalogue
    private let surroundings: Surroundings
    /// With which every fault draws.
    package let seed: UInt64

    /// - Parameters:
    ///   - seed: for a plan that has none.
    /// - Throws: ``FaultPlanError`` when a fault cannot be.
    package init(
        _ plan: FaultPlan, seed: UInt64 = 0, catalogue: FaultCatalogue = .standard,
        surroundings: Surroundings = Surroundings()
    ) throws(FaultPlanError) {
        let plan = try plan.resolve(seed: seed, catalogue: catalogue)
        self.seed = plan.seed ?? seed
        self.catalogue = catalogue
        self.surroundings = surroundings
        var initial = State()
        for fault in plan.faults {
            let (kind, parameters) = try catalogue.check(fault)
            initial.armed.append(ArmedFault(fault, of: kind, parameters, seed: self.seed, at: .zero))
        }
        interests = Atomic(Self.index(&initial))
        state = Mutex(initial)
    }

    // MARK: What happens

    package func meet(_ occasion: FaultOccasion) -> [FaultAction] {
        let interests = interests.load(ordering: .relaxed)
        guard interests & (1 << occasion.layer.position) != 0 else { return [] }
        let files = existingFiles(interests)
        let slotState = occasion.slot.flatMap { stateOf($0) }
        var actions: [FaultAction] = []
        let consequences = state.withLock { state in
            var consequences = Consequences()
            guard !state.isHealed else { return consequences }
            for index in state.byLayer[occasion.layer.position] {
                guard state.armed[index].meets(occasion, state: slotState, existingFiles: files) else {
                    continue
                }
                let fault = state.armed[index].fault
                var firing = FaultFiring(
                    fault: fault, occasion: occasion, actions: [], strike: nil, time: occasion.time)
                if state.armed[index].kind.manner == .met {
                    firing.actions = state.armed[index].fire(at: occasion, state: slotState)
                    guard !firing.actions.isEmpty else { continue }
                    actions += firing.actions
                } else {
                    let strike = state.armed[index].begin(
                        slot: occasion.slot, at: occasion.time, state: slotState)
                    firing.strike = strike
                    consequences.strikes.append(strike)
                }
                consequences.firings.append(firing)
            }
            return consequences
        }
        carryOut(consequences)
        return actions
    }

    /// A named event of the run: sets off faults that wait for it.
    package func observe(_ event: String, slot: String? = nil, at time: Duration) {
        guard interests.load(ordering: .relaxed) & Self.eventBit != 0 else { return }
        let slotState = slot.flatMap { stateOf($0) }
        setOff(slot: slot, state: slotState, at: time) { fault in
            fault.observes(event: event, slot: slot, state: slotState, at: time)
        }
    }

    /// A slot, or another entity with states, went from one state to another.
    package func stateChanged(_ entity: String, from old: String, to new: String, at time: Duration) {
        state.withLock { $0.states[entity] = new }
        guard interests.load(ordering: .relaxed) & Self.eventBit != 0 else { return }
        setOff(slot: entity, state: new, at: time) { fault in
            fault.observes(entity, from: old, to: new, at: time)
        }
    }

    private func setOff(
        slot: String?, state slotState: String?, at time: Duration, _ strikes: (inout ArmedFault) -> Bool
    ) {
        let consequences = state.withLock { state in
            var consequences = Consequences()
            guard !state.isHealed else { return consequences }
            for index in state.armed.indices where strikes(&state.armed[index]) {
                let strike = state.armed[index].begin(slot: slot, at: time, state: slotState)
                consequences.strikes.append(strike)
                consequences.firings.append(Self.firing(of: strike, by: state.armed[index]))
            }
            return consequences
        }
        carryOut(consequences)
    }

    // MARK: Strikes by time

    /// When ``strikes(dueAt:)`` has to be called next; may be in the past. `nil` while nothing waits
    /// for a time.
    package var nextStrike: Duration? {
        state.withLock { state in
            state.isHealed ? nil : state.armed.compactMap(\.nextStrike).min()
        }
    }

    /// Makes happen what is due by now, in the order of their times, then of the plan.
    ///
    /// - Returns: what was handed to `onStrike`, for a world that does without it; do not carry it out
    ///   twice.
    @discardableResult package func strikes(dueAt now: Duration) -> [Strike] {
        let files = existingFiles(interests.load(ordering: .relaxed))
        // The states are asked for outside the lock, and only where a fault may want them.
        let slots = state.withLock { state in state.armed.compactMap(\.fault.select.slot) }
        let known = Dictionary(
            slots.compactMap { slot in stateOf(slot).map { (slot, $0) } },
            uniquingKeysWith: { first, _ in first })
        let consequences = state.withLock { state in
            var consequences = Consequences()
            guard !state.isHealed else { return consequences }
            var due: [(order: Int, strike: Strike)] = []
            for index in state.armed.indices {
                while let strike = state.armed[index].strike(
                    dueAt: now, existingFiles: files, stateOf: { known[$0] })
                {
                    due.append((index, strike))
                }
            }
            due.sort { ($0.strike.time, $0.order) < ($1.strike.time, $1.order) }
            consequences.strikes = due.map(\.strike)
            consequences.firings = due.filter { $0.strike.phase == .begin }.map { entry in
                Self.firing(of: entry.strike, by: state.armed[entry.order])
            }
            return consequences
        }
        carryOut(consequences)
        return consequences.strikes
    }

    // MARK: Changes while it runs

    /// - Returns: the fault as it was resolved, with its identifier.
    @discardableResult
    package func add(_ fault: Fault, at now: Duration) throws(FaultPlanError) -> Fault {
        let taken = state.withLock { state in Set(state.armed.map(\.fault.identifier)) }
        var fault = fault
        if fault.identifier.isEmpty {
            fault.identifier = FaultPlan.freshName(from: taken.count + 1, notIn: taken)
        }
        let resolved = try FaultPlan([fault]).resolve(seed: seed, catalogue: catalogue).faults[0]
        let (kind, parameters) = try catalogue.check(resolved)
        let failure: FaultPlanError? = state.withLock { state in
            if state.isHealed { return .healed }
            if state.armed.count >= FaultPlan.maximumFaults {
                return .tooManyFaults(limit: FaultPlan.maximumFaults)
            }
            if state.armed.contains(where: { $0.fault.identifier == resolved.identifier }) {
                return .duplicateIdentifier(resolved.identifier)
            }
            state.armed.append(ArmedFault(resolved, of: kind, parameters, seed: seed, at: now))
            interests.store(Self.index(&state), ordering: .relaxed)
            return nil
        }
        if let failure { throw failure }
        return resolved
    }

    /// Takes a fault away: lets go what it holds, ends what it began. Its tally stays.
    ///
    /// - Returns: false if there is none of that name.
    @discardableResult package func remove(_ identifier: String, at now: Duration) -> Bool {
        remove(at: now, isFinal: false) { $0.fault.identifier == identifier }
    }

    /// Takes all faults away; new ones may be added.
    package func clear(at now: Duration) { _ = remove(at: now, isFinal: false) { _ in true } }

    /// The end of all faults of this run: nothing fires any more, whatever is held is let go, and what
    /// lasts ends.
    package func heal(at now: Duration) { _ = remove(at: now, isFinal: true) { _ in true } }

    private func remove(at now: Duration, isFinal: Bool, _ isMeant: (ArmedFault) -> Bool) -> Bool {
        var isFound = false
        let consequences = state.withLock { state in
            var consequences = Consequences()
            for index in state.armed.indices
            where !state.armed[index].isRemoved && isMeant(state.armed[index]) {
                isFound = true
                consequences.holds += state.armed[index].takeHolds()
                if let end = state.armed[index].endLasting(at: now) { consequences.strikes.append(end) }
                state.armed[index].isRemoved = true
            }
            state.isHealed = state.isHealed || isFinal
            interests.store(Self.index(&state), ordering: .relaxed)
            return consequences
        }
        carryOut(consequences)
        return isFound
    }

    // MARK: What became of them

    /// The faults that are still there, in order.
    package var faults: [Fault] { state.withLock { $0.armed.filter { !$0.isRemoved }.map(\.fault) } }

    /// Of all faults that there ever were, in the order of the plan.
    package var tallies: [FaultTally] { state.withLock { $0.armed.map(\.tally) } }

    /// Identifiers of the faults that never fired.
    package var neverFired: [String] { tallies.filter { $0.fired == 0 }.map(\.identifier) }

    /// True when a fault never fired: the run says nothing about it.
    package var isVacuous: Bool { !neverFired.isEmpty }

    // MARK: Inner works

    private func carryOut(_ consequences: Consequences) {
        for firing in consequences.firings { surroundings.report(firing) }
        for strike in consequences.strikes { surroundings.onStrike(strike) }
        for hold in consequences.holds { hold.release() }
    }

    private func stateOf(_ slot: String) -> String? {
        surroundings.stateOf.map { $0(slot) } ?? state.withLock { $0.states[slot] }
    }

    private func existingFiles(_ interests: UInt32) -> [String] {
        guard interests & Self.fileBit != 0 else { return [] }
        let paths = state.withLock { state in
            state.armed.compactMap { fault -> String? in
                guard !fault.isRemoved, case .whileFile(let path) = fault.fault.trigger else { return nil }
                return path
            }
        }
        return paths.filter(surroundings.fileExists)
    }

    private static func firing(of strike: Strike, by fault: ArmedFault) -> FaultFiring {
        FaultFiring(fault: fault.fault, occasion: nil, actions: [], strike: strike, time: strike.time)
    }

    private static func index(_ state: inout State) -> UInt32 {
        var interests: UInt32 = 0
        for layer in state.byLayer.indices { state.byLayer[layer] = [] }
        guard !state.isHealed else { return 0 }
        for (index, fault) in state.armed.enumerated() where !fault.isRemoved {
            if let layer = fault.layer {
                state.byLayer[layer.position].append(index)
                interests |= 1 << layer.position
            }
            switch fault.fault.trigger {
            case .onEvent, .onState: interests |= eventBit
            case .whileFile: interests |= fileBit
            default: break
            }
        }
        return interests
    }
}

extension FaultLayer {
    /// Its place in `allCases`, without looking.
    fileprivate var position: Int {
        switch self {
        case .store: 0
        case .http: 1
        case .tls: 2
        case .smb: 3
        case .nbdSocket: 4
        case .nbdDevice: 5
        case .uevent: 6
        case .configfs: 7
        case .dbus: 8
        case .usb: 9
        case .host: 10
        case .process: 11
        case .clock: 12
        case .resource: 13
        case .power: 14
        case .network: 15
        }
    }
}
