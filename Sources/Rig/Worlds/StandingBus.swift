package import FaultPoints
import Synchronization

/// Set while the bus stands still.
package final class Standing: Sendable {
    private let hold = Mutex<FaultHold?>(nil)

    package init() {}

    /// As SIGSTOP of the bus: messages wait, none is refused.
    package func begin() { hold.withLock { hold in if hold == nil { hold = FaultHold() } } }

    package func end() {
        let hold = hold.withLock { hold in
            defer { hold = nil }
            return hold
        }
        hold?.release()
    }

    package var present: FaultHold? { hold.withLock { $0 } }
}

/// Holds every message while the bus stands still, besides what the plan does to it.
package struct StandingBus: FaultInjector {
    private let faults: any FaultInjector
    private let standing: Standing

    package init(faults: any FaultInjector, standing: Standing) {
        self.faults = faults
        self.standing = standing
    }

    package func meet(_ occasion: FaultOccasion) -> [FaultAction] {
        let actions = faults.meet(occasion)
        guard let hold = standing.present else { return actions }
        return [.hold(hold)] + actions
    }
}
