internal import FaultPlan
internal import FaultPoints
internal import Scenarios
import Synchronization

/// Collects what faults fired in a run and what was noticed of them, and says in the end whether the one came
/// of the other.
final class Effects: Sendable {
    /// Kept; more of them tell nothing new.
    private static let maximumSymptoms = 256

    private struct State {
        var faults: [String: FiredFault] = [:]
        var order: [String] = []
        var symptoms: [Symptom] = []
        var excusedFrom: Duration?
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> Duration

    init(now: @escaping @Sendable () -> Duration) { self.now = now }

    /// - Parameter slotState: of the slot concerned.
    func note(_ firing: FaultFiring, slotState: String?) {
        let fault = firing.fault
        guard let kind = FaultCatalogue.standard[fault.kind] else { return }
        let slot = firing.occasion?.slot ?? firing.strike?.slot
        let slots: Set<String>? = kind.isFeltOnOneSlot ? slot.map { [$0] } : nil
        let fired = FiredFault(
            identifier: fault.identifier, kind: fault.kind, expectation: fault.expect ?? kind.expectation,
            slots: slots, time: firing.time, state: slotState)
        state.withLock { state in
            guard let known = state.faults[fault.identifier] else {
                state.order.append(fault.identifier)
                return state.faults[fault.identifier] = fired
            }
            state.faults[fault.identifier]!.slots = known.slots.flatMap { known in slots.map(known.union) }
        }
    }

    func note(_ kind: Symptom.Kind, slot: String) {
        let symptom = Symptom(kind: kind, slot: slot, time: now())
        state.withLock { state in
            if state.symptoms.count < Self.maximumSymptoms { state.symptoms.append(symptom) }
        }
    }

    /// The scenario itself does something that can go wrong, from now on.
    func excuse() {
        let time = now()
        state.withLock { $0.excusedFrom = $0.excusedFrom ?? time }
    }

    var check: EffectCheck {
        state.withLock { state in
            EffectCheck(
                faults: state.order.compactMap { state.faults[$0] }, symptoms: state.symptoms,
                excusedFrom: state.excusedFrom)
        }
    }

    func report(to violations: Violations) {
        for finding in check.findings {
            switch finding {
            case .unexpected(let symptom, let faults):
                violations.report(
                    .expectations, slot: symptom.slot,
                    "\(symptom), \(symptom.time) into the run; fired: \(faults)")
            case .strayed(let symptom, let faults):
                violations.report(
                    .isolation, slot: symptom.slot,
                    "\(symptom), \(symptom.time) into the run; fired for other slots only: \(faults)")
            case .missing(let fault):
                violations.report(.expectations, "nothing was noticed of \(fault)")
            }
        }
    }
}

extension FaultKind {
    /// Whether it befalls what belongs to one slot alone: its connection, its block device, its gadget, its
    /// place on the host's bus.
    var isFeltOnOneSlot: Bool {
        switch layer {
        case .nbdSocket, .nbdDevice, .usb: true
        case .configfs: !name.hasPrefix("configfs.controller")
        default: false
        }
    }
}
