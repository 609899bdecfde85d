package import Reports
package import RunLog
package import Sharding

/// One line of a results file or an event log. See docs/reports.md for the fields.
package enum RunLine: Equatable, Sendable {
    /// Opens the results of one shard.
    case shard(ShardHeader)
    /// Opens the event log of one run.
    case run(RunIdentity)
    case event(RunEvent)
    /// Closes the event log of a run; the record without identity, events and choices.
    case verdict(RunRecord)
    /// A whole run without its events.
    case summary(RunSummary)
    case skipped(SkippedRun)
    /// Closes the results of one shard.
    case end(ShardEnd)

    /// Changes when a reader of today would misread what is written.
    package static let formatVersion = 1
}

/// What a shard was to do.
package struct ShardHeader: Codable, Equatable, Sendable {
    package var shard: Shard
    package var commit: String
    package var world: String
    /// In the order in which they were dealt out.
    package var scenarios: [String]
    package var firstSeed: UInt64
    package var lastSeed: UInt64

    package init(
        shard: Shard, commit: String, world: String, scenarios: [String], seeds: ClosedRange<UInt64>
    ) {
        self.shard = shard
        self.commit = commit
        self.world = world
        self.scenarios = scenarios
        firstSeed = seeds.lowerBound
        lastSeed = seeds.upperBound
    }

    package var seeds: ClosedRange<UInt64> { firstSeed...max(firstSeed, lastSeed) }
}

/// What a shard did.
package struct ShardEnd: Codable, Equatable, Sendable {
    /// Summaries written, skipped runs not counted.
    package var runCount: Int
    /// Why it did not do all: "time limit of 600 s"; `nil` where it did.
    package var stoppedEarly: String?
    /// Of all its runs together.
    package var latencies: [LaneLatency]

    package init(runCount: Int, stoppedEarly: String? = nil, latencies: [LaneLatency] = []) {
        self.runCount = runCount
        self.latencies = latencies
        self.stoppedEarly = stoppedEarly
    }
}
