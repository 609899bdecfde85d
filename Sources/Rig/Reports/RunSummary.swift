package import HostObserver
package import RunLog

/// What reports over many runs need of one: everything of its record but events and choices.
package struct RunSummary: Codable, Equatable, Sendable {
    /// Violations kept; ``violationCount`` counts them all.
    package static let maximumViolations = 20
    /// Lines of a resolved plan kept; a note takes the place of those beyond.
    package static let maximumPlanLines = 100

    package var identity: RunIdentity
    package var verdict: RunVerdict
    package var violations: [Violation]
    package var violationCount: Int
    package var faults: [FaultTally]
    package var eventCount: Int
    package var traceHash: UInt64
    package var virtualNanoseconds: Int64
    package var stepCount: Int
    package var wallNanoseconds: Int64
    package var provenByteCount: UInt64
    /// By lane, of those whose events took time.
    package var latencies: [LaneLatency]
    /// The run's own page, as a path from the file that this summary is written to.
    package var page: String?

    package init(_ record: RunRecord) {
        identity = record.identity
        let left = identity.plan.count - Self.maximumPlanLines
        if left > 0 {
            identity.plan.removeLast(left)
            identity.plan.append("… and \(left) more: the seed gives them all")
        }
        verdict = record.verdict
        violations = Array(record.violations.prefix(Self.maximumViolations))
        violationCount = record.violations.count
        faults = record.faults
        eventCount = record.events.count + record.omittedEventCount
        traceHash = record.traceHash
        virtualNanoseconds = record.virtualNanoseconds
        stepCount = record.stepCount
        wallNanoseconds = record.wallNanoseconds
        provenByteCount = record.provenByteCount
        latencies = LaneLatency.all(of: record.events)
    }

    package var name: RunName { RunName(identity) }
}

/// How long the operations of one lane took.
package struct LaneLatency: Codable, Equatable, Sendable {
    package var lane: Lane
    package var histogram: LatencyHistogram

    /// Adds latencies up by lane, in the order of the path.
    package static func add(_ more: [LaneLatency], to all: inout [LaneLatency]) {
        for latency in more {
            if let index = all.firstIndex(where: { $0.lane == latency.lane }) {
                all[index].histogram.merge(latency.histogram)
            } else {
                all.append(latency)
            }
        }
        let order = Lane.allCases
        all.sort { (order.firstIndex(of: $0.lane) ?? 0) < (order.firstIndex(of: $1.lane) ?? 0) }
    }

    /// In the order of the path; lanes without a latency are left out.
    static func all(of events: [RunEvent]) -> [LaneLatency] {
        var byLane: [Lane: LatencyHistogram] = [:]
        for event in events {
            guard let latency = event.latencyNanoseconds else { continue }
            byLane[event.lane, default: LatencyHistogram()].record(.nanoseconds(latency))
        }
        return Lane.allCases.compactMap { lane in byLane[lane].map { LaneLatency(lane: lane, histogram: $0) }
        }
    }
}

/// What tells one run from all others of a regression.
package struct RunName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let scenario: String
    package let world: String
    package let seed: UInt64

    package init(_ identity: RunIdentity) {
        scenario = identity.scenario
        world = identity.world
        seed = identity.seed
    }

    package var description: String { "\(scenario) in \(world), seed \(seed)" }

    package static func < (left: RunName, right: RunName) -> Bool {
        (left.scenario, left.world, left.seed) < (right.scenario, right.world, right.seed)
    }
}

/// A run that was asked for and did not take place.
package struct SkippedRun: Codable, Equatable, Sendable {
    package var scenario: String
    package var world: String
    /// `nil` for all seeds of the scenario.
    package var seed: UInt64?
    /// "the kernel has no nbd driver: modprobe nbd".
    package var reason: String

    package init(scenario: String, world: String, seed: UInt64? = nil, reason: String) {
        self.scenario = scenario
        self.world = world
        self.seed = seed
        self.reason = reason
    }
}

extension RunVerdict {
    /// The worst first: what a whole regression's verdict is decided by.
    package static let bySeverity: [RunVerdict] = [
        .wrong, .notLive, .notDeterministic, .broken, .vacuous, .passed,
    ]

    /// The verdict of many runs; of none, vacuous.
    package static func worst(_ verdicts: some Sequence<RunVerdict>) -> RunVerdict {
        let seen = Set(verdicts)
        return bySeverity.first { seen.contains($0) } ?? .vacuous
    }

    /// In words, for people.
    package var words: String {
        switch self {
        case .passed: "passed"
        case .wrong: "wrong"
        case .notLive: "not live"
        case .notDeterministic: "not deterministic"
        case .vacuous: "vacuous"
        case .broken: "rig broken"
        }
    }

    package var explanation: String {
        switch self {
        case .passed: "every promise was kept"
        case .wrong: "wrong data, or a promise broken"
        case .notLive: "something got stuck, or missed its deadline"
        case .notDeterministic: "the same seed gave another run"
        case .vacuous: "a planned fault never fired, or nothing was read"
        case .broken: "the rig itself failed"
        }
    }
}
