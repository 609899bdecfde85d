import Foundation
import Glibc
import TestSupport
import Testing

@testable import FaultyFiles

struct RecorderTests {
    static let record = OperationRecord(
        "fuse", .read, "a \"b\"\n\\.img", bytes: 512..<1024, start: .seconds(1) + .microseconds(5),
        end: .seconds(1) + .microseconds(305), failure: Errno(EIO), injected: ["delay", "fail"])

    @Test func `a record is a line of JSON`() throws {
        let line = Self.record.line
        #expect(!line.contains("\n"))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["path"] as? String == Self.record.path)
        #expect(object["error"] as? String == "EIO")
        #expect(object["offset"] as? Int == 512 && object["bytes"] as? Int == 512)
        #expect(object["injected"] as? [String] == ["delay", "fail"])
        #expect(line.contains("\"time\":1.000005") && line.contains("\"seconds\":0.000300"))
    }

    @Test func `only the latest records are kept, and all are counted`() {
        let recorder = OperationRecorder()
        for number in 0..<OperationRecorder.keptRecords + 3 {
            recorder.note(
                OperationRecord(
                    "fuse", .read, "\(number)", start: .zero, end: .zero, movedBytes: 2))
        }
        #expect(recorder.latest(2).map(\.path) == ["10001", "10002"])
        #expect(recorder.latest(.max).first?.path == "3")
        #expect(recorder.metrics.count(.read) == 10_003 && recorder.metrics.readBytes == 20_006)
    }

    @Test func `the histogram's buckets add up to the number of operations`() throws {
        var metrics = StoreMetrics()
        metrics.add(Self.record)
        for milliseconds in [0, 1, 7, 70, 700, 7000, 700_000] {
            metrics.add(
                OperationRecord("fuse", .read, "x", start: .zero, end: .milliseconds(milliseconds)))
        }
        let text = metrics.text(fired: [("slow", 3)], gauges: [("held", "Operations that wait.", 2)])
        let samples = Dictionary(
            uniqueKeysWithValues: text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
                let space = line.lastIndex(of: " ")!
                return (String(line[..<space]), String(line[line.index(after: space)...]))
            })
        let read = "{operation=\"read\""
        #expect(samples["mediarig_store_operations_total\(read)}"] == "8")
        #expect(samples["mediarig_store_operation_seconds_bucket\(read),le=\"+Inf\"}"] == "8")
        #expect(samples["mediarig_store_operation_seconds_bucket\(read),le=\"0.001\"}"] == "3")
        #expect(samples["mediarig_store_operation_seconds_bucket\(read),le=\"60\"}"] == "7")
        #expect(samples["mediarig_store_operation_seconds_sum\(read)}"] == "707.7783")
        #expect(samples["mediarig_store_operation_errors_total\(read),error=\"EIO\"}"] == "1")
        #expect(samples["mediarig_store_injected_actions_total{action=\"delay\"}"] == "1")
        #expect(samples["mediarig_store_faults_fired_total{fault=\"slow\"}"] == "3")
        #expect(samples["mediarig_store_held"] == "2")
    }

    @Test func `a log file at its limit is begun anew`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("log")
        let log = try LogFile(path: path)
        let line = String(repeating: "x", count: 1 << 20)
        for _ in 0..<65 { log.write(line) }
        let old = try FileManager.default.attributesOfItem(atPath: "\(path).1")[.size] as? Int
        #expect(old ?? 0 <= LogFile.maximumBytes && old ?? 0 > LogFile.maximumBytes - 2 * line.count)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0 <= 3 * line.count)
    }
}
