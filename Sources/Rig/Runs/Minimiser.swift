internal import FaultPlan
package import Scenarios

/// Makes a failing run as small as it can while it still fails in the same way: fewer faults first, then
/// less work, fewer steps and slots, and the plainest schedule.
///
/// Every fault draws from a stream of its own, so that one less leaves the others as they were.
package struct Minimiser: Sendable {
    /// Runs that one minimisation may take.
    package static let maximumRuns = 2000
    /// The result must fail as often as this, in a row.
    package static let confirmations = 3

    package struct Result: Sendable {
        package var scenario: Scenario.Resolved
        package var runCount: Int
        /// What became smaller, in words.
        package var reductions: [String]
    }

    /// Runs a candidate.
    ///
    /// - Returns: whether it fails in the very way that is being looked into.
    private let fails: @Sendable (Scenario.Resolved) -> Bool

    package init(fails: @escaping @Sendable (Scenario.Resolved) -> Bool) { self.fails = fails }

    /// - Returns: `nil` when the given run does not fail, or not each time.
    package func minimise(_ run: Scenario.Resolved) -> Result? {
        var search = Search(best: run, fails: fails)
        guard (0..<Self.confirmations).allSatisfy({ _ in search.accepts(run) }) else { return nil }
        var isSmaller = true
        while isSmaller, search.runCount < Self.maximumRuns {
            let before = search.best
            search.dropFaults()
            search.simplifySchedule()
            search.dropWork()
            search.dropSlots()
            search.dropSteps()
            search.weakenFaults()
            isSmaller = search.best != before
        }
        let best = search.best
        guard (0..<Self.confirmations).allSatisfy({ _ in search.accepts(best) }) else { return nil }
        return Result(
            scenario: best, runCount: search.runCount, reductions: Self.reductions(from: run, to: best))
    }

    private static func reductions(from old: Scenario.Resolved, to new: Scenario.Resolved) -> [String] {
        let (old, new) = (old.scenario, new.scenario)
        var words: [String] = []
        func tell(_ what: String, _ before: Int, _ after: Int) {
            if before != after { words.append("\(what): \(before) → \(after)") }
        }
        tell("faults", old.faults.count, new.faults.count)
        tell("slots", old.topology.slots.count, new.topology.slots.count)
        tell("workloads", old.workload.count, new.workload.count)
        tell("steps", old.steps.count, new.steps.count)
        let bytes = { (scenario: Scenario) in scenario.workload.reduce(0) { $0 + Int($1.byteCount) } }
        tell("bytes of work", bytes(old), bytes(new))
        if old.schedule != new.schedule { words.append("schedule: \(old.schedule) → \(new.schedule)") }
        return words
    }
}

/// One minimisation under way.
private struct Search {
    /// The smallest that fails, so far.
    var best: Scenario.Resolved
    let fails: @Sendable (Scenario.Resolved) -> Bool
    var runCount = 0
    /// Below this a workload is as good as none.
    private static let smallestWork: UInt64 = 4096

    init(best: Scenario.Resolved, fails: @escaping @Sendable (Scenario.Resolved) -> Bool) {
        self.best = best
        self.fails = fails
    }

    mutating func accepts(_ candidate: Scenario.Resolved) -> Bool {
        guard runCount < Minimiser.maximumRuns else { return false }
        runCount += 1
        return fails(candidate)
    }

    /// - Returns: whether the changed run still fails, and is the best now.
    @discardableResult
    private mutating func attempt(_ change: (inout Scenario) -> Void) -> Bool {
        var candidate = best
        change(&candidate.scenario)
        guard candidate != best, accepts(candidate) else { return false }
        best = candidate
        return true
    }

    /// Zeller's ddmin over the list of faults, by complements.
    mutating func dropFaults() {
        var pieces = 2
        while best.scenario.faults.count > 0, pieces <= best.scenario.faults.count * 2 {
            let faults = best.scenario.faults
            let size = max(1, faults.count / pieces)
            var isReduced = false
            for start in stride(from: 0, to: faults.count, by: size) {
                let rest = Array(faults[..<start]) + Array(faults[min(start + size, faults.count)...])
                if attempt({ $0.faults = rest }) {
                    isReduced = true
                    break
                }
            }
            if isReduced {
                pieces = max(2, pieces - 1)
            } else if size == 1 {
                return
            } else {
                pieces *= 2
            }
        }
    }

    mutating func simplifySchedule() { attempt { $0.schedule = .fifo } }

    mutating func dropWork() {
        for index in best.scenario.workload.indices.reversed() {
            if attempt({ $0.workload.remove(at: index) }) { continue }
            while best.scenario.workload[index].byteCount > Self.smallestWork,
                attempt({ $0.workload[index].byteCount /= 2 })
            {}
        }
    }

    mutating func dropSlots() {
        for slot in best.scenario.topology.slots.reversed() where best.scenario.topology.slots.count > 1 {
            guard !isNamed(slot.name, in: best.scenario) else { continue }
            attempt { $0.topology.slots.removeAll { $0.name == slot.name } }
        }
    }

    private func isNamed(_ slot: String, in scenario: Scenario) -> Bool {
        "\(scenario.steps)".contains(slot) || scenario.workload.contains { $0.slot == .named(slot) }
            || scenario.faults.contains { $0.select.slot == slot }
    }

    mutating func dropSteps() {
        for index in best.scenario.steps.indices.reversed() where best.scenario.steps.count > 1 {
            attempt { $0.steps.remove(at: index) }
        }
    }

    /// Rarer and shorter, as far as the failure allows.
    mutating func weakenFaults() {
        for index in best.scenario.faults.indices {
            if best.scenario.faults[index].budget.times == nil {
                for times in [1, 2, 4] where attempt({ $0.faults[index].budget.times = times }) { break }
            }
            while let duration = best.scenario.faults[index].duration, duration > .milliseconds(10),
                attempt({ $0.faults[index].duration = duration / 2 })
            {}
        }
    }
}
