import Foundation
import RunLog
import Synchronization
import Testing

struct RunRecorderTests {
    @Test func `events keep their order, and those beyond the limit are counted`() {
        let noted = Mutex<[Int]>([])
        let recorder = RunRecorder(
            maximumEvents: 2, now: { .milliseconds(5) },
            note: { event in noted.withLock { $0.append(event.number) } })
        for number in 0..<5 { recorder.record(.host, "read", detail: "\(number)") }
        #expect(recorder.events.map(\.detail) == ["0", "1"] && recorder.omittedEventCount == 3)
        #expect(recorder.count(of: "read") == 5 && recorder.count(of: "write") == 0)
        #expect(noted.withLock { $0 } == [0, 1, 2, 3, 4])
        #expect(recorder.events[0].nanoseconds == 5_000_000)
        recorder.close()
        recorder.record(.host, "read")
        #expect(recorder.count(of: "read") == 5 && noted.withLock { $0.count } == 5)
    }

    @Test func `traffic is kept in order with the events, and changes nothing else`() {
        let noted = Mutex<[String]>([])
        let heard = Mutex<[String]>([])
        func recorder(keeping limit: Int) -> RunRecorder {
            RunRecorder(
                maximumEvents: limit, now: { .zero },
                note: { event in noted.withLock { $0.append(event.name) } },
                observer: { name, _, _ in heard.withLock { $0.append(name) } })
        }
        let full = recorder(keeping: 2)
        for name in ["a", "b", "c"] {
            full.recordTraffic(.nbd, name, detail: "nbd0", range: 0..<512)
            full.record(.host, name)
        }
        #expect(full.events.map(\.lane) == [.nbd, .host, .nbd, .host])
        #expect(full.events.map(\.number) == [0, 1, 2, 3])
        #expect(full.omittedEventCount == 1 && full.count(of: "a") == 1)
        let empty = recorder(keeping: 0)
        #expect(full.keepsTraffic && !empty.keepsTraffic)
        empty.recordTraffic(.nbd, "a")
        #expect(empty.events.isEmpty && empty.omittedEventCount == 0)
        #expect(noted.withLock { $0 } == ["a", "b", "c"] && heard.withLock { $0 } == ["a", "b", "c"])
    }

    @Test func `faults hear of what happens, but not of faults and of broken promises`() {
        let heard = Mutex<[String]>([])
        let recorder = RunRecorder(
            now: { .seconds(1) },
            observer: { name, slot, time in heard.withLock { $0.append("\(name) \(slot ?? "-") \(time)") } })
        recorder.record(.scenario, "mark half-way")
        recorder.record(.slot, slot: "Slot_0", "state Active")
        recorder.record(.fault, "fault http.status")
        recorder.record(.invariant, "violation data")
        #expect(heard.withLock { $0 } == ["mark half-way - 1.0 seconds", "state Active Slot_0 1.0 seconds"])
    }

    @Test func `a record is the same after a trip through JSON`() throws {
        var record = RunRecord(RunIdentity(scenario: "s", seed: .max, world: "sim"))
        record.violations = [Violation("I1 wrong data", slot: "Slot_0", at: .seconds(1), "block 7")]
        record.events = [
            RunEvent(
                number: 0, at: .nanoseconds(3), .host, slot: "Slot_0", "read", range: 0..<512,
                latency: .microseconds(2), hasSucceeded: false)
        ]
        record.traceHash = 0xFFFF_0000_1234_5678
        let copy = try JSONDecoder().decode(RunRecord.self, from: JSONEncoder().encode(record))
        #expect(copy == record)
    }

    @Test func `every verdict but a pass has an exit code of its own`() {
        let codes = RunVerdict.allCases.map(\.exitCode)
        #expect(codes == [0, 1, 3, 4, 5, 6])
    }
}
