import FaultPoints
import Synchronization

/// Faults at chosen operations, and how often each was met.
final class PlannedFaults: FaultInjector {
    struct Rule: Sendable {
        var layer: FaultLayer
        var operation: String
        /// Of the operations of that name, counted from 0.
        var occurrences: Range<Int>
        var actions: [FaultAction]
    }

    private let rules: [Rule]
    private let state = Mutex((counts: [String: Int](), fired: 0, occasions: [FaultOccasion]()))

    init(_ rules: [Rule]) { self.rules = rules }

    convenience init(
        _ layer: FaultLayer, _ operation: String, _ occurrences: Range<Int> = 0..<1, _ actions: FaultAction...
    ) {
        self.init([
            Rule(layer: layer, operation: operation, occurrences: occurrences, actions: actions)
        ])
    }

    var fired: Int { state.withLock { $0.fired } }
    var occasions: [FaultOccasion] { state.withLock { $0.occasions } }

    func meet(_ occasion: FaultOccasion) -> [FaultAction] {
        state.withLock { state in
            let key = "\(occasion.layer.rawValue) \(occasion.operation)"
            let number = state.counts[key, default: 0]
            state.counts[key] = number + 1
            state.occasions.append(occasion)
            let actions = rules.filter {
                $0.layer == occasion.layer && $0.operation == occasion.operation
                    && $0.occurrences.contains(number)
            }.flatMap(\.actions)
            if !actions.isEmpty { state.fired += 1 }
            return actions
        }
    }
}
