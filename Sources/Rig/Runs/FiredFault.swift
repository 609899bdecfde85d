internal import FaultPlan

/// What has to be known of a fault that fired, to tell what may come of it.
struct FiredFault: Equatable, Sendable {
    var identifier: String
    var kind: String
    var expectation: FaultExpectation
    /// Slots that it can be felt on; `nil` for all.
    var slots: Set<String>?
    /// The first time.
    var time: Duration
    /// Of the slot concerned, that time; `nil` without a slot.
    var state: String?

    func concerns(_ slot: String) -> Bool { slots?.contains(slot) ?? true }

    /// It met or made a mount on its way.
    var isOfMount: Bool { state.map { ["Ready", "Activating"].contains($0) } ?? true }

    /// Whether a sound system may show this because of it.
    func permits(_ symptom: Symptom.Kind) -> Bool {
        // Whoever hears nothing knows nothing; it says nothing of the slot.
        if symptom == .callLost { return true }
        switch expectation {
        case .tolerate, .retry: return false
        case .none, .recover: return true
        case .refuse: return symptom.isFailedMount
        case .failMount(let wanted):
            switch symptom {
            case .mountFailed(let code?) where isOfMount: return wanted.map { $0 == Int(code) } ?? true
            case .mountFailed: return true
            // Later it is the same trouble under way: the host is told, and the medium goes.
            case .commandFailed, .givenUp, .unmountFailed: return !isOfMount || state == nil
            default: return false
            }
        case .mediumError:
            switch symptom {
            case .mountFailed, .unmountFailed, .commandFailed, .givenUp: return true
            default: return false
            }
        case .eject:
            switch symptom {
            // A device that leaves answers nothing any more.
            case .commandFailed, .commandLost, .givenUp, .deviceLost: return true
            default: return false
            }
        }
    }

    /// It cannot pass unseen by whoever inserts.
    var mustShow: Bool {
        switch expectation {
        case .failMount: isOfMount
        case .refuse: true
        default: false
        }
    }
}

extension Symptom.Kind {
    var isFailedMount: Bool { if case .mountFailed = self { true } else { false } }
}

/// Holds what went wrong in a run against what may come of it.
struct EffectCheck: Sendable {
    enum Finding: Equatable, Sendable {
        /// No fault that concerns the slot allows this.
        case unexpected(Symptom, by: String)
        /// Only faults of other slots had fired.
        case strayed(Symptom, from: String)
        /// What must come of the fault did not.
        case missing(fault: String)
    }

    var faults: [FiredFault]
    var symptoms: [Symptom]
    /// From here on the scenario itself did what can go wrong; what follows may come of that.
    var excusedFrom: Duration?

    var findings: [Finding] {
        symptoms.compactMap(finding) + missing
    }

    private func finding(_ symptom: Symptom) -> Finding? {
        if let excusedFrom, symptom.time >= excusedFrom { return nil }
        let before = faults.filter { $0.time <= symptom.time }
        // Without a fault it is the steps' to say what is right.
        guard !before.isEmpty else { return nil }
        let own = before.filter { $0.concerns(symptom.slot) }
        guard !own.isEmpty else { return .strayed(symptom, from: Self.names(before)) }
        if own.contains(where: { $0.permits(symptom.kind) }) { return nil }
        return .unexpected(symptom, by: Self.names(own))
    }

    /// Of several faults one may hide the other.
    private var missing: [Finding] {
        guard faults.count == 1, excusedFrom == nil, let fault = faults.first, fault.mustShow else {
            return []
        }
        let isShown = symptoms.contains { symptom in
            symptom.time >= fault.time && fault.concerns(symptom.slot)
                && (symptom.kind == .callLost || symptom.kind.isFailedMount && fault.permits(symptom.kind))
        }
        return isShown ? [] : [.missing(fault: Self.names([fault]))]
    }

    private static func names(_ faults: [FiredFault]) -> String {
        faults.map { "\($0.identifier) \($0.kind) (\($0.expectation))" }.joined(separator: ", ")
    }
}
