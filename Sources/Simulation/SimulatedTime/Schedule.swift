/// Which of several ready jobs runs next.
///
/// Its text is what a command line takes: "fifo", "random", "pct:3", "delay:2", "replay", "exhaustive".
package enum Schedule: Equatable, Sendable {
    /// As they became ready.
    case firstInFirstOut
    /// Each decision drawn, all ready jobs alike.
    case random
    /// Probabilistic concurrency testing: tasks get random priorities, the highest ready one runs, and at
    /// `depth` - 1 decisions drawn from the expected number the running task falls below all others. Finds
    /// a bug that needs `depth` ordered events with a probability that can be computed, where ``random``
    /// needs luck. A task that spins starves all others.
    case prioritised(depth: Int, expectedDecisions: Int = defaultDecisions)
    /// First in, first out, but at `count` decisions drawn from the expected number the oldest job waits
    /// until all others ready at that time have run.
    case delayed(count: Int, expectedDecisions: Int = defaultDecisions)
    /// As recorded (see ``SimulatedExecutor/choices``), and first in, first out after the end of the list
    /// or a choice that cannot be made.
    case replay([UInt32])
    /// All schedules, one run each: see ``Exploration``. A single run of it is first in, first out.
    case exhaustive

    /// Decisions to expect of a run of which nothing is known.
    package static let defaultDecisions = 1000
    /// More ordered events than any known bug needs.
    package static let depths = 1...16
}

extension Schedule: LosslessStringConvertible {
    /// - Returns: `nil` when the text names no schedule. "replay" gets an empty list of choices.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        switch (parts[0], parts.count) {
        case ("fifo", 1): self = .firstInFirstOut
        case ("random", 1): self = .random
        case ("replay", 1): self = .replay([])
        case ("exhaustive", 1): self = .exhaustive
        case ("pct", 2):
            guard let (depth, decisions) = Self.numbers(parts[1]) else { return nil }
            self = .prioritised(depth: depth, expectedDecisions: decisions)
        case ("delay", 2):
            guard let (count, decisions) = Self.numbers(parts[1]) else { return nil }
            self = .delayed(count: count, expectedDecisions: decisions)
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .firstInFirstOut: "fifo"
        case .random: "random"
        case .prioritised(let depth, let decisions): "pct:\(depth)\(Self.suffix(decisions))"
        case .delayed(let count, let decisions): "delay:\(count)\(Self.suffix(decisions))"
        case .replay: "replay"
        case .exhaustive: "exhaustive"
        }
    }

    /// "3" or "3/5000".
    private static func numbers(_ text: Substring) -> (Int, Int)? {
        let numbers = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = Int(numbers[0]), depths.contains(first), numbers.count <= 2 else { return nil }
        guard numbers.count == 2 else { return (first, defaultDecisions) }
        guard let decisions = Int(numbers[1]), decisions > 0 else { return nil }
        return (first, decisions)
    }

    private static func suffix(_ decisions: Int) -> String {
        decisions == defaultDecisions ? "" : "/\(decisions)"
    }
}
