package import FaultPoints
import Synchronization

/// Faults at the n-th occasion of their kind, and every occasion that was met.
package final class FaultScript: FaultInjector {
    package struct Rule: Sendable {
        package var layer: FaultLayer
        /// `nil` for any.
        package var operation: String?
        /// The target ends like this.
        package var suffix: String
        /// Counted from 1.
        package var occurrences: ClosedRange<Int>
        package var actions: [FaultAction]

        package init(
            _ layer: FaultLayer, _ operation: String? = nil, on suffix: String = "",
            at occurrences: ClosedRange<Int> = 1...1, _ actions: FaultAction...
        ) {
            self.layer = layer
            self.operation = operation
            self.suffix = suffix
            self.occurrences = occurrences
            self.actions = actions
        }
    }

    private struct State {
        var rules: [(rule: Rule, matches: Int)] = []
        var firedCount = 0
        var occasions: [FaultOccasion] = []
    }
    private let state = Mutex(State())

    package init(_ rules: Rule...) { for rule in rules { add(rule) } }

    package func add(_ rule: Rule) { state.withLock { $0.rules.append((rule, 0)) } }

    /// How many occasions were met with something.
    package var firedCount: Int { state.withLock { $0.firedCount } }
    package var occasions: [FaultOccasion] { state.withLock { $0.occasions } }

    package func meet(_ occasion: FaultOccasion) -> [FaultAction] {
        state.withLock { state in
            state.occasions.append(occasion)
            var actions: [FaultAction] = []
            for index in state.rules.indices {
                let rule = state.rules[index].rule
                guard rule.layer == occasion.layer,
                    rule.operation == nil || rule.operation == occasion.operation,
                    occasion.target.hasSuffix(rule.suffix)
                else { continue }
                state.rules[index].matches += 1
                if rule.occurrences.contains(state.rules[index].matches) { actions += rule.actions }
            }
            if !actions.isEmpty { state.firedCount += 1 }
            return actions
        }
    }
}
