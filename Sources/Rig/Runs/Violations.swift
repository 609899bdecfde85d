package import RunLog
internal import Scenarios
import Synchronization

/// Where everything that watches a run reports what must not be.
package final class Violations: Sendable {
    /// Kept; a broken run repeats itself.
    static let maximumViolations = 64

    private let list = Mutex<[Violation]>([])
    private let recorder: RunRecorder
    private let now: @Sendable () -> Duration
    private let off: Set<String>

    /// - Parameter off: names of invariants that do not hold in this scenario.
    package init(recorder: RunRecorder, off: Set<String>, now: @escaping @Sendable () -> Duration) {
        self.recorder = recorder
        self.off = off
        self.now = now
    }

    func report(_ invariant: Scenario.Invariant, slot: String? = nil, _ detail: String) {
        guard !off.contains(invariant.rawValue) else { return }
        add(invariant.rawValue, slot: slot, detail)
    }

    func reportStep(_ step: String, slot: String? = nil, _ detail: String) {
        add("step \(step)", slot: slot, detail)
    }

    private func add(_ name: String, slot: String?, _ detail: String) {
        recorder.record(.invariant, slot: slot, "violation \(name)", detail: detail, hasSucceeded: false)
        list.withLock {
            guard $0.count < Self.maximumViolations else { return }
            $0.append(Violation(name, slot: slot, at: now(), detail))
        }
    }

    package var all: [Violation] { list.withLock { $0 } }
    var isEmpty: Bool { list.withLock { $0.isEmpty } }
}
