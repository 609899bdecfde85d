import Foundation
package import Reports
import RunLog

/// A regression for scripts, as JSON.
package enum RegressionJSON {
    private struct Fields: Encodable {
        var verdict: RunVerdict
        var exitStatus: Int32
        var runCount: Int
        var counts: [String: Int]
        var virtualNanoseconds: Int64
        var wallNanoseconds: Int64
        var provenByteCount: String
        var problems: [String]
        var notes: [String]
        var scenarios: [Scenario]
        var failures: [Failure]
        var coverage: [Coverage]
        var skipped: [Skipped]
    }
    private struct Scenario: Encodable {
        var name: String
        var world: String
        var counts: [String: Int]
        var firstFailedSeed: String?
    }
    private struct Failure: Encodable {
        var name: String
        var verdict: RunVerdict
        var runCount: Int
        var scenarios: [String]
        var alwaysFired: [String]
        /// Fewest steps first.
        var seeds: [String]
        var detail: String?
        var replayCommand: String
    }
    private struct Coverage: Encodable {
        var kind: String
        var matched: Int
        var fired: Int
        var firedByState: [String: Int]
    }
    private struct Skipped: Encodable {
        var scenario: String
        var world: String
        var seed: String?
        var reason: String
    }
    /// Seeds named of one failure.
    static let maximumSeeds = 1000

    package static func text(_ regression: Regression) -> String {
        let fields = Fields(
            verdict: regression.verdict, exitStatus: regression.verdict.exitCode,
            runCount: regression.runs.count,
            counts: named(regression.counts),
            virtualNanoseconds: regression.runs.reduce(0) { $0 &+ $1.virtualNanoseconds },
            wallNanoseconds: regression.runs.reduce(0) { $0 &+ $1.wallNanoseconds },
            provenByteCount: String(regression.runs.reduce(UInt64(0)) { $0 &+ $1.provenByteCount }),
            problems: regression.problems, notes: regression.notes,
            scenarios: regression.scenarios.map {
                Scenario(
                    name: $0.name, world: $0.world, counts: named($0.counts),
                    firstFailedSeed: $0.firstFailedSeed.map { String($0) })
            },
            failures: regression.failures.map { failure in
                Failure(
                    name: failure.name, verdict: failure.verdict, runCount: failure.runs.count,
                    scenarios: failure.scenarios, alwaysFired: failure.alwaysFired,
                    seeds: failure.runs.prefix(maximumSeeds).map { String($0.identity.seed) },
                    detail: failure.runs.first?.violations.first?.detail,
                    replayCommand: failure.runs.first?.identity.replayCommand ?? "")
            },
            coverage: regression.coverage.rows.map {
                Coverage(kind: $0.kind, matched: $0.matched, fired: $0.fired, firedByState: $0.firedByState)
            },
            skipped: regression.skipped.map { skip in
                Skipped(
                    scenario: skip.scenario, world: skip.world, seed: skip.seed.map { String($0) },
                    reason: skip.reason)
            })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(fields) else { preconditionFailure("JSON took no plain fields") }
        return String(decoding: data, as: UTF8.self)
    }

    private static func named(_ counts: [RunVerdict: Int]) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: counts.map { ($0.key.rawValue, $0.value) })
    }
}
