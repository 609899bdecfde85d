import Foundation
import Reports
import RunLog
import Sharding

/// Reads lines that ``RunLineEncoder`` wrote.
package struct RunLineDecoder {
    /// No line of ours comes near; a file of another kind might.
    package static let maximumLineLength = 64 << 20

    private let decoder = JSONDecoder()

    package init() {}

    /// - Throws: what is wrong with it, for an ``ArtefactError``'s cause.
    package func decode(_ line: some Sequence<UInt8>) throws(LineFault) -> RunLine {
        do {
            return try decodeAny(Data(line))
        } catch let fault as LineFault {
            throw fault
        } catch let error as DecodingError {
            throw LineFault(description: Self.words(error))
        } catch {
            throw LineFault(description: "\(error)")
        }
    }

    package struct LineFault: Error, CustomStringConvertible {
        package let description: String
    }

    private func decodeAny(_ data: Data) throws -> RunLine {
        let kind = try decoder.decode(RunLineFields.Kind.self, from: data)
        if let version = kind.version, version != RunLine.formatVersion {
            throw LineFault(
                description:
                    "it is of format \(version), and this mediarig reads format \(RunLine.formatVersion)")
        }
        switch kind.type {
        case "shard": return .shard(try shardHeader(data))
        case "run":
            return .run(try decoder.decode(RunLineFields.RunOpening.self, from: data).identity.identity())
        case "event": return .event(try decoder.decode(RunEvent.self, from: data))
        case "verdict":
            let fields = try decoder.decode(RunLineFields.Verdict.self, from: data)
            guard let seed = UInt64(fields.seed) else { throw FieldError(field: "seed", value: fields.seed) }
            let identity = RunIdentity(scenario: fields.scenario, seed: seed, world: fields.world)
            return .verdict(try fields.outcome.record(identity))
        case "summary": return .summary(try decoder.decode(RunLineFields.Summary.self, from: data).summary())
        case "skipped":
            let fields = try decoder.decode(RunLineFields.Skipped.self, from: data)
            return .skipped(
                SkippedRun(
                    scenario: fields.scenario, world: fields.world, seed: fields.seed.flatMap { UInt64($0) },
                    reason: fields.reason))
        case "end":
            let fields = try decoder.decode(RunLineFields.End.self, from: data)
            return .end(
                ShardEnd(
                    runCount: fields.runCount, stoppedEarly: fields.stoppedEarly, latencies: fields.latencies)
            )
        default: throw LineFault(description: "there is no line of type '\(kind.type)'")
        }
    }

    private func shardHeader(_ data: Data) throws -> ShardHeader {
        let fields = try decoder.decode(RunLineFields.ShardOpening.self, from: data)
        guard let first = UInt64(fields.firstSeed), let last = UInt64(fields.lastSeed), first <= last else {
            throw FieldError(field: "firstSeed, lastSeed", value: "\(fields.firstSeed), \(fields.lastSeed)")
        }
        return ShardHeader(
            shard: try Shard(fields.shard), commit: fields.commit, world: fields.world,
            scenarios: fields.scenarios, seeds: first...last)
    }

    private static func words(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "field \(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "field \(context.codingPath.map(\.stringValue).joined(separator: ".")) has the wrong type"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "it is no JSON object"
                : "field \(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)"
        @unknown default: "\(error)"
        }
    }
}
