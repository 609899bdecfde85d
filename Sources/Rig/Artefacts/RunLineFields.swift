import HostObserver
import Reports
import RunLog
import Sharding

/// Lines as they are written. Numbers of 64 bits are text, because most readers of JSON keep 53 only.
enum RunLineFields {
    /// What every line starts from.
    struct Kind: Decodable {
        var type: String
        var version: Int?
    }

    struct Identity: Codable {
        var scenario: String
        var seed: String
        var world: String
        var commit: String
        var kernel: String
        var imageSHA256: [String: String]
        var plan: [String]
        var schedule: String
        var replayCommand: String

        init(_ identity: RunIdentity) {
            scenario = identity.scenario
            seed = String(identity.seed)
            world = identity.world
            commit = identity.commit
            kernel = identity.kernel
            imageSHA256 = identity.imageSHA256
            plan = identity.plan
            schedule = identity.schedule
            replayCommand = identity.replayCommand
        }

        func identity() throws -> RunIdentity {
            guard let seed = UInt64(seed) else { throw FieldError(field: "seed", value: seed) }
            var identity = RunIdentity(scenario: scenario, seed: seed, world: world)
            identity.commit = commit
            identity.kernel = kernel
            identity.imageSHA256 = imageSHA256
            identity.plan = plan
            identity.schedule = schedule
            identity.replayCommand = replayCommand
            return identity
        }
    }

    struct Outcome: Codable {
        var verdict: RunVerdict
        var violations: [Violation]
        var violationCount: Int
        var faults: [FaultTally]
        var eventCount: Int
        var omittedEventCount: Int
        var traceHash: String
        var virtualNanoseconds: Int64
        var stepCount: Int
        var wallNanoseconds: Int64
        var provenByteCount: String

        init(_ record: RunRecord) {
            verdict = record.verdict
            violations = record.violations
            violationCount = record.violations.count
            faults = record.faults
            eventCount = record.events.count + record.omittedEventCount
            omittedEventCount = record.omittedEventCount
            traceHash = Figures.hash(record.traceHash)
            virtualNanoseconds = record.virtualNanoseconds
            stepCount = record.stepCount
            wallNanoseconds = record.wallNanoseconds
            provenByteCount = String(record.provenByteCount)
        }

        init(_ run: RunSummary) {
            verdict = run.verdict
            violations = run.violations
            violationCount = run.violationCount
            faults = run.faults
            eventCount = run.eventCount
            omittedEventCount = run.eventCount
            traceHash = Figures.hash(run.traceHash)
            virtualNanoseconds = run.virtualNanoseconds
            stepCount = run.stepCount
            wallNanoseconds = run.wallNanoseconds
            provenByteCount = String(run.provenByteCount)
        }

        /// Without identity, events and choices.
        func record(_ identity: RunIdentity) throws -> RunRecord {
            var record = RunRecord(identity)
            guard let hash = UInt64(traceHash, radix: 16) else {
                throw FieldError(field: "traceHash", value: traceHash)
            }
            guard let proven = UInt64(provenByteCount) else {
                throw FieldError(field: "provenByteCount", value: provenByteCount)
            }
            record.verdict = verdict
            record.violations = violations
            record.faults = faults
            record.omittedEventCount = omittedEventCount
            record.traceHash = hash
            record.virtualNanoseconds = virtualNanoseconds
            record.stepCount = stepCount
            record.wallNanoseconds = wallNanoseconds
            record.provenByteCount = proven
            return record
        }
    }

    struct RunOpening: Codable {
        var type = "run"
        var version: Int? = RunLine.formatVersion
        var identity: Identity
    }

    struct Verdict: Codable {
        var type = "verdict"
        var scenario: String
        var seed: String
        var world: String
        var outcome: Outcome
    }

    struct Summary: Codable {
        var type = "summary"
        var version: Int? = RunLine.formatVersion
        var identity: Identity
        var outcome: Outcome
        var latencies: [LaneLatency]
        var page: String?

        func summary() throws -> RunSummary {
            var summary = RunSummary(try outcome.record(try identity.identity()))
            summary.violationCount = outcome.violationCount
            summary.eventCount = outcome.eventCount
            summary.latencies = latencies
            summary.page = page
            return summary
        }
    }

    struct Skipped: Codable {
        var type = "skipped"
        var scenario: String
        var world: String
        var seed: String?
        var reason: String
    }

    struct ShardOpening: Codable {
        var type = "shard"
        var version: Int? = RunLine.formatVersion
        var shard: String
        var commit: String
        var world: String
        var scenarios: [String]
        var firstSeed: String
        var lastSeed: String
    }

    struct End: Codable {
        var type = "end"
        var runCount: Int
        var stoppedEarly: String?
        var latencies: [LaneLatency]
    }
}

/// A field that JSON can hold and this format cannot.
struct FieldError: Error, CustomStringConvertible {
    let field: String
    let value: String
    var description: String { "\(field) cannot be '\(value)'" }
}
