package import RunLog

/// What many runs come to.
package struct Regression: Sendable {
    /// In order of scenario, world and seed.
    package let runs: [RunSummary]
    package let skipped: [SkippedRun]
    /// What is wrong with the results themselves: missing shards, runs there twice.
    package let problems: [String]
    /// Faults and states that belong into the coverage table even if no run had them.
    package let knownFaults: [String]
    package let knownStates: [String]
    /// What else readers should know: a time limit that ended it.
    package let notes: [String]
    private let pooled: [LaneLatency]

    /// - Parameter latencies: of runs whose own summaries no longer hold them.
    package init(
        _ runs: [RunSummary], skipped: [SkippedRun] = [], problems: [String] = [], notes: [String] = [],
        latencies: [LaneLatency] = [], knownFaults: [String] = [], knownStates: [String] = []
    ) {
        pooled = latencies
        self.notes = notes
        self.runs = runs.sorted { $0.name < $1.name }
        self.skipped = skipped
        self.problems = problems
        self.knownFaults = knownFaults
        self.knownStates = knownStates
    }

    /// The worst of all; broken where the results themselves are incomplete.
    package var verdict: RunVerdict {
        let worst = RunVerdict.worst(runs.lazy.map(\.verdict))
        return problems.isEmpty ? worst : RunVerdict.worst([worst, .broken])
    }

    package var counts: [RunVerdict: Int] {
        var counts: [RunVerdict: Int] = [:]
        for run in runs { counts[run.verdict, default: 0] += 1 }
        return counts
    }

    package var failed: [RunSummary] { runs.filter { $0.verdict != .passed } }

    package var coverage: CoverageTable {
        CoverageTable(runs.lazy.flatMap(\.faults), kinds: knownFaults, states: knownStates)
    }

    /// Of all runs together, in the order of the path.
    package var latencies: [LaneLatency] {
        var all = pooled
        for run in runs where !run.latencies.isEmpty { LaneLatency.add(run.latencies, to: &all) }
        return all
    }

    package struct Scenario: Sendable {
        package let name: String
        package let world: String
        package var counts: [RunVerdict: Int] = [:]
        package var firstFailedSeed: UInt64?
        package var virtualNanoseconds: Int64 = 0
        package var wallNanoseconds: Int64 = 0
        package var provenByteCount: UInt64 = 0
        package var runCount: Int { counts.values.reduce(0, +) }
    }

    package var scenarios: [Scenario] {
        var list: [Scenario] = []
        for run in runs {
            if list.last?.name != run.identity.scenario || list.last?.world != run.identity.world {
                list.append(Scenario(name: run.identity.scenario, world: run.identity.world))
            }
            let last = list.count - 1
            list[last].counts[run.verdict, default: 0] += 1
            if run.verdict != .passed, list[last].firstFailedSeed == nil {
                list[last].firstFailedSeed = run.identity.seed
            }
            list[last].virtualNanoseconds &+= run.virtualNanoseconds
            list[last].wallNanoseconds &+= run.wallNanoseconds
            list[last].provenByteCount &+= run.provenByteCount
        }
        return list
    }

    /// Failures that are probably the same one.
    package struct Failure: Sendable {
        package let verdict: RunVerdict
        /// Of the first violation; the verdict's where there is none.
        package let name: String
        /// Fewest steps first: the first is the one to look at.
        package let runs: [RunSummary]
        /// Kinds of faults that fired in every one of these runs.
        package let alwaysFired: [String]
        package var scenarios: [String] { Set(runs.map(\.identity.scenario)).sorted() }
    }

    /// By verdict and violation, the most frequent first.
    package var failures: [Failure] {
        struct Key: Hashable {
            let verdict: RunVerdict
            let name: String
        }
        let groups = Dictionary(grouping: failed) { run in
            Key(verdict: run.verdict, name: run.violations.first?.name ?? run.verdict.words)
        }
        return groups.map { key, runs in
            let fired = runs.map { run in Set(run.faults.filter { $0.fired > 0 }.map(\.kind)) }
            let common = fired.dropFirst().reduce(fired.first ?? []) { $0.intersection($1) }
            return Failure(
                verdict: key.verdict, name: key.name,
                runs: runs.sorted { ($0.stepCount, $0.name) < ($1.stepCount, $1.name) },
                alwaysFired: common.sorted())
        }.sorted {
            ($1.runs.count, $0.name, $0.verdict.rawValue) < ($0.runs.count, $1.name, $1.verdict.rawValue)
        }
    }
}
