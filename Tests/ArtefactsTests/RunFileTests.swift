import Foundation
import Reports
import RunLog
import Sharding
import TestSupport
import Testing

@testable import Artefacts

struct RunFileTests {
    static func record(seed: UInt64 = 1, events: Int = 400) -> RunRecord {
        var synthetic = SyntheticRun()
        synthetic.seed = seed
        synthetic.eventCount = events
        return synthetic.record()
    }

    static func log(_ record: RunRecord) -> [UInt8] {
        var bytes: [UInt8] = []
        RunLineEncoder().encode(record) { bytes += $0 }
        return bytes
    }

    static func read(_ bytes: [UInt8]) throws -> RunFile {
        let folder = try TemporaryFolder()
        return try RunFile.read(try folder.write(bytes, to: "x.jsonl"), keepsEvents: true)
    }

    @Test func `an event log is the run again, but for its choices`() throws {
        var record = Self.record(events: 20_000)
        record.identity.seed = .max
        record.traceHash = .max
        record.provenByteCount = .max - 1
        record.omittedEventCount = 17
        let file = try Self.read(Self.log(record))
        record.choices = []
        #expect(file.records == [record])
        #expect(file.runs == [RunSummary(record)])
    }

    @Test func `any text survives in every field`() throws {
        let nasty = "</script>\"\\\0\u{1}\u{1F}\u{7F}\n\r\t\u{2028}\u{FFFE} ö 👩‍🚀 \u{202E}"
        var record = Self.record(events: 10)
        record.identity.scenario = nasty
        record.identity.imageSHA256 = [nasty: nasty]
        record.events = [
            RunEvent(
                number: 0, at: .nanoseconds(-1), .host, slot: nasty, nasty, detail: nasty,
                range: 0..<UInt64.max,
                latency: .seconds(3), hasSucceeded: false)
        ]
        record.violations = [Violation(nasty, slot: nasty, at: .zero, nasty)]
        record.choices = []
        let bytes = Self.log(record)
        #expect(bytes.count { $0 == 0x0A } == 3)
        #expect(try Self.read(bytes).records == [record])
    }

    @Test func `every line is JSON that says what it is and whose, with large numbers as text`() throws {
        var record = Self.record(events: 60)
        record.identity.seed = 1 << 63
        for line in Self.log(record).split(separator: 0x0A) {
            let fields = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
            let type = try #require(fields["type"] as? String)
            let owner = type == "run" ? fields["identity"] as? [String: Any] : fields
            #expect(owner?["scenario"] as? String == "boot-under-stalls")
            #expect(owner?["seed"] as? String == "9223372036854775808")
            #expect(owner?["world"] as? String == "sim")
        }
    }

    @Test func `results of a shard are read back`() throws {
        let header = ShardHeader(
            shard: try Shard("2/4"), commit: "abc", world: "sim", scenarios: ["a", "b"], seeds: 5...(.max))
        var summary = RunSummary(Self.record())
        summary.page = "runs/x/index.html"
        summary.violationCount = 99
        let skipped = SkippedRun(scenario: "b", world: "kernel", seed: .max, reason: "no nbd")
        let end = ShardEnd(runCount: 1, stoppedEarly: "time limit of 60 s")
        let encoder = RunLineEncoder()
        let lines: [RunLine] = [.shard(header), .summary(summary), .skipped(skipped), .end(end)]
        let file = try Self.read(lines.flatMap { encoder.encode($0, of: summary.name) })
        #expect(file.header == header && file.end == end)
        #expect(file.runs == [summary] && file.skipped == [skipped])
        #expect(!file.isCutShort)
    }

    /// A process may be killed at any byte.
    @Test func `a log cut anywhere gives a broken run, never a passed one and never none`() throws {
        var record = Self.record(events: 12)
        record.verdict = .passed
        record.violations = []
        record.faults = []
        record.events.removeLast(record.events.count - 3)
        let bytes = Self.log(record)
        let opening = try #require(bytes.firstIndex(of: 0x0A))
        let lineEnds = bytes.indices.filter { bytes[$0] == 0x0A && $0 > opening }.flatMap {
            [$0 - 1, $0, $0 + 1]
        }
        for count in lineEnds + Array(stride(from: opening, to: bytes.count - 1, by: 11))
        where count < bytes.count {
            let file = try Self.read(Array(bytes.prefix(count)))
            #expect(file.runs.count == 1, "cut at \(count)")
            // The last line may be whole but for its line feed.
            guard count < bytes.count - 1 else { continue }
            #expect(file.runs.first?.verdict == .broken, "cut at \(count)")
        }
    }

    @Test func `a run that follows one without a verdict is a run of its own`() throws {
        var first = Self.log(Self.record(seed: 1, events: 12))
        first.removeLast()
        first.removeSubrange((try #require(first.lastIndex(of: 0x0A)) + 1)...)
        let file = try Self.read(first + Self.log(Self.record(seed: 2, events: 12)))
        #expect(file.runs.map(\.identity.seed) == [1, 2])
        #expect(file.runs.map(\.verdict) == [.broken, .wrong])
    }

    @Test(
        arguments: [
            ("", nil, "no run"), ("\n\n", nil, "no run"), ("hello\n", 1, "no JSON"),
            ("[1]\n", 1, "wrong type"),
            ("{}\n", 1, "type is missing"), (#"{"type":"nonsense"}"# + "\n", 1, "nonsense"),
            (#"{"type":"run","version":2}"# + "\n", 1, "format 2"),
            ("\n" + #"{"type":"event","number":1}"# + "\n", 2, "missing"),
            (
                #"{"type":"event","number":0,"nanoseconds":0,"lane":"host","name":"x","hasSucceeded":true}"#
                    + "\n", 1, "before any run"
            ),
            (
                #"{"type":"shard","version":1,"shard":"5/4","commit":"","world":"","scenarios":[],"firstSeed":"1","lastSeed":"2"}"#
                    + "\n", 1, "no shard 5 of 4"
            ),
            (
                #"{"type":"shard","version":1,"shard":"1/4","commit":"","world":"","scenarios":[],"firstSeed":"3","lastSeed":"2"}"#
                    + "\n", 1, "firstSeed"
            ),
        ] as [(String, Int?, String)])
    func `a file of another kind is refused with its line and a remedy`(
        text: String, line: Int?, cause: String
    ) throws {
        let error = #expect(throws: ArtefactError.self) { try Self.read(Array(text.utf8)) }
        #expect(error?.line == line)
        #expect(error?.cause.contains(cause) == true, "\(String(describing: error))")
        #expect(error?.remedy.isEmpty == false)
    }

    @Test func `a file that is not there is told by name`() {
        let error = #expect(throws: ArtefactError.self) { try RunFile.read("/no/such.jsonl") }
        #expect(error?.description.hasPrefix("/no/such.jsonl: ") == true)
        #expect(throws: ArtefactError.self) { try RunFile.read("/tmp") }
    }
}
