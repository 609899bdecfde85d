import Foundation
package import Reports
package import RunLog

/// Writes lines of JSON, each ended by a line feed.
package struct RunLineEncoder {
    private let encoder: JSONEncoder

    package init() {
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    /// - Parameter run: whose event or verdict it is; the other lines say it themselves.
    package func encode(_ line: RunLine, of run: RunName) -> [UInt8] {
        switch line {
        case .shard(let header):
            encoded(
                RunLineFields.ShardOpening(
                    shard: "\(header.shard)", commit: header.commit, world: header.world,
                    scenarios: header.scenarios, firstSeed: "\(header.firstSeed)",
                    lastSeed: "\(header.lastSeed)"))
        case .run(let identity): encoded(RunLineFields.RunOpening(identity: .init(identity)))
        case .event(let event): Self.encoded(event, of: run)
        case .verdict(let record):
            encoded(
                RunLineFields.Verdict(
                    scenario: run.scenario, seed: "\(run.seed)", world: run.world, outcome: .init(record)))
        case .summary(let summary):
            encoded(
                RunLineFields.Summary(
                    identity: .init(summary.identity), outcome: .init(summary), latencies: summary.latencies,
                    page: summary.page))
        case .skipped(let skipped):
            encoded(
                RunLineFields.Skipped(
                    scenario: skipped.scenario, world: skipped.world, seed: skipped.seed.map { "\($0)" },
                    reason: skipped.reason))
        case .end(let end):
            encoded(
                RunLineFields.End(
                    runCount: end.runCount, stoppedEarly: end.stoppedEarly, latencies: end.latencies))
        }
    }

    /// The whole event log of a run: opening, events, verdict.
    package func encode(_ record: RunRecord, write: ([UInt8]) throws -> Void) rethrows {
        let run = RunName(record.identity)
        try write(encode(.run(record.identity), of: run))
        // A few hundred lines at a time: neither a call for each nor the whole log in memory.
        var portion: [UInt8] = []
        for event in record.events {
            portion += Self.encoded(event, of: run)
            if portion.count >= Self.portionByteCount {
                try write(portion)
                portion.removeAll(keepingCapacity: true)
            }
        }
        try write(portion + encode(.verdict(record), of: run))
    }

    private static let portionByteCount = 64 << 10

    private func encoded(_ value: some Encodable) -> [UInt8] {
        // These types hold no floating point number, the only thing that JSON refuses.
        guard let data = try? encoder.encode(value) else { preconditionFailure("JSON took no plain fields") }
        return Array(data) + [0x0A]
    }

    /// By hand: there are up to hundreds of thousands of these.
    private static func encoded(_ event: RunEvent, of run: RunName) -> [UInt8] {
        var line = JSONLineText()
        line.add("type", "event")
        line.add("scenario", run.scenario)
        line.add("seed", "\(run.seed)")
        line.add("world", run.world)
        line.add("number", event.number)
        line.add("nanoseconds", event.nanoseconds)
        line.add("lane", event.lane.rawValue)
        if let slot = event.slot { line.add("slot", slot) }
        line.add("name", event.name)
        if let detail = event.detail { line.add("detail", detail) }
        if let range = event.range { line.add("range", start: range.start, end: range.end) }
        if let latency = event.latencyNanoseconds { line.add("latencyNanoseconds", latency) }
        line.add("hasSucceeded", event.hasSucceeded)
        return line.ended()
    }
}

/// One JSON object on one line, field after field.
struct JSONLineText {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func add(_ key: String, _ number: some BinaryInteger) {
        name(key)
        bytes += "\(number)".utf8
    }

    mutating func add(_ key: String, _ flag: Bool) {
        name(key)
        bytes += (flag ? "true" : "false").utf8
    }

    mutating func add(_ key: String, _ text: String) {
        name(key)
        quote(text)
    }

    mutating func add(_ key: String, start: UInt64, end: UInt64) {
        name(key)
        bytes += "{\"start\":\(start),\"end\":\(end)}".utf8
    }

    consuming func ended() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        bytes.append(0x0A)
        return bytes
    }

    private mutating func name(_ key: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        quote(key)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20, 0x7F:
                let digits = String(byte, radix: 16)
                bytes += "\\u\(byte < 16 ? "000" : "00")\(digits)".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
