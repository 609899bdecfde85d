/// All runs of a regression, scenarios × seeds, dealt out to shards like cards: seed after seed of the first
/// scenario, then of the next. So shards differ by at most one run in all, and each gets its share of
/// every scenario and of every region of seeds, whichever of them take long.
package struct WorkSplit: Equatable, Sendable {
    /// Scenarios times seeds that one regression may have.
    package static let maximumRuns = UInt64(1) << 60

    package struct Run: Hashable, Sendable {
        /// Index into the list of scenarios, from 0.
        package let scenario: Int
        package let seed: UInt64

        package init(scenario: Int, seed: UInt64) {
            self.scenario = scenario
            self.seed = seed
        }
    }

    package let scenarioCount: Int
    package let seeds: ClosedRange<UInt64>
    package let runCount: UInt64

    package init(scenarioCount: Int, seeds: ClosedRange<UInt64>) throws(ShardError) {
        let (span, hasOverflown) = (seeds.upperBound - seeds.lowerBound).addingReportingOverflow(1)
        let (runs, isTooMuch) = span.multipliedReportingOverflow(by: UInt64(max(0, scenarioCount)))
        guard scenarioCount >= 1, !hasOverflown, !isTooMuch, runs <= Self.maximumRuns else {
            throw ShardError(
                "\(scenarioCount) scenarios with seeds \(seeds.lowerBound)..\(seeds.upperBound) cannot be counted",
                "give at least one scenario, and fewer seeds")
        }
        self.scenarioCount = scenarioCount
        self.seeds = seeds
        runCount = runs
    }

    /// How many runs a shard has.
    package func runCount(of shard: Shard) -> UInt64 {
        let (each, rest) = runCount.quotientAndRemainder(dividingBy: UInt64(shard.count))
        return each + (UInt64(shard.index) <= rest ? 1 : 0)
    }

    /// How many seeds of one scenario a shard has.
    package func runCount(ofScenario scenario: Int, in shard: Shard) -> UInt64 {
        let first = firstSeed(ofScenario: UInt64(scenario), in: shard)
        return first < seedCount ? (seedCount - 1 - first) / UInt64(shard.count) + 1 : 0
    }

    /// The runs of a shard, made one by one: all scenarios at low seeds first, so that a shard that is
    /// stopped early has looked at each.
    package func runs(of shard: Shard) -> some Sequence<Run> {
        let split = self
        let rounds = (seedCount + UInt64(shard.count) - 1) / UInt64(shard.count)
        return (0..<rounds * UInt64(scenarioCount)).lazy.compactMap { turn -> Run? in
            let (round, scenario) = turn.quotientAndRemainder(dividingBy: UInt64(split.scenarioCount))
            let seed = round * UInt64(shard.count) + split.firstSeed(ofScenario: scenario, in: shard)
            guard seed < split.seedCount else { return nil }
            return Run(scenario: Int(scenario), seed: split.seeds.lowerBound + seed)
        }
    }

    /// Whether a run is one of this shard's.
    package func contains(_ run: Run, in shard: Shard) -> Bool {
        guard seeds.contains(run.seed), (0..<scenarioCount).contains(run.scenario) else { return false }
        let position = UInt64(run.scenario) * seedCount + (run.seed - seeds.lowerBound)
        return position % UInt64(shard.count) == UInt64(shard.index - 1)
    }

    private var seedCount: UInt64 { runCount / UInt64(scenarioCount) }

    /// How far a shard's first seed of a scenario is from the first seed of all.
    private func firstSeed(ofScenario scenario: UInt64, in shard: Shard) -> UInt64 {
        let count = UInt64(shard.count)
        return (UInt64(shard.index - 1) + count - scenario * seedCount % count) % count
    }
}
