import Foundation
import RunLog
import TestSupport
import Testing

@testable import Reports

struct RunPageTests {
    static func record(events: Int, failing: Bool = true) -> RunRecord {
        var synthetic = SyntheticRun()
        synthetic.eventCount = events
        synthetic.isFailing = failing
        return synthetic.record()
    }

    @Test func `a page says how the run ended, what it was and how to run it again`() throws {
        let record = Self.record(events: 2000)
        let page = try PageReading(RunPage.render(record))
        for words in [
            "wrong", "boot-under-stalls, seed 1", "123456789abcdef1",
            "d9d0a5c1f00dfeedd9d0a5c1f00dfeedd9d0a5c1",
            "6.6 (simulated)", "8f3a8f3a", "pct:3", "mediarig run boot-under-stalls --seed 1 --world sim",
            "I1 wrong data", "I3 late answer", "f3 nbd.reset after 1 MiB, probability 0.01", "p99", "Slot_3",
            "Timeline", "Slot states", "Throughput", "Bytes of the image", "Latency", "Faults by state",
            "uevent.drop", "Before the first violation", "events drawn as",
        ] {
            #expect(page.text.contains(words), "\(words)")
        }
        #expect(page.counts["svg", default: 0] > 15)
    }

    @Test func `every reference points into the page, and every name is there once`() throws {
        let page = try PageReading(RunPage.render(Self.record(events: 500)))
        #expect(Set(page.identifiers).count == page.identifiers.count)
        for reference in page.references {
            let name = reference.hasPrefix("#") ? String(reference.dropFirst()) : reference
            #expect(page.identifiers.contains(name), "\(reference)")
        }
    }

    @Test(arguments: [0, 1, 20_000, 200_000])
    func `a page stays small however many events there were, and says what it left out`(events: Int) throws {
        var record = RunRecord(RunIdentity(scenario: "s", seed: 1, world: "sim"))
        if events > 0 { record = Self.record(events: events) }
        if events == 1 { record.events.removeLast(record.events.count - 1) }
        record.omittedEventCount = 12_345
        let text = RunPage.render(record)
        #expect(text.utf8.count < 1 << 20, "\(text.utf8.count) bytes of \(record.events.count) events")
        let page = try PageReading(text)
        if events > 0 {
            #expect(page.text.contains("12,345 later events were not recorded"))
            let drawn = try #require(page.text.firstMatch(of: /([\d,]+) events? drawn as ([\d,]+) mark/))
            #expect(drawn.1 == Figures.count(record.events.count))
            let marks = try #require(Int(drawn.2.replacing(",", with: "")))
            #expect(marks <= TimelinePicture.maximumMarks && marks >= 1)
        }
    }

    @Test func `text from a record is text wherever it shows`() throws {
        let nasty =
            "</script></title></style><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\0\u{1B}\u{202E}]]>"
        var record = Self.record(events: 300)
        record.identity.scenario = nasty
        record.identity.world = nasty
        record.identity.commit = nasty
        record.identity.kernel = nasty
        record.identity.schedule = nasty
        record.identity.replayCommand = nasty
        record.identity.plan = [nasty]
        record.identity.imageSHA256 = [nasty: nasty]
        record.violations = [Violation(nasty, slot: nasty, at: .seconds(1), nasty)]
        for index in record.faults.indices {
            record.faults[index].kind = nasty
            record.faults[index].identifier = nasty
            record.faults[index].firedByState = [nasty: 1]
        }
        for index in record.events.indices {
            record.events[index].name = index.isMultiple(of: 2) ? nasty : "state \(nasty)"
            record.events[index].slot = nasty
            record.events[index].detail = nasty
        }
        let text = RunPage.render(record)
        let page = try PageReading(text)
        // One script and one style are ours; the parser saw no image, and no attribute that runs anything.
        #expect(page.counts["script"] == 1 && page.counts["style"] == 1 && page.counts["img"] == nil)
        #expect(!page.attributeNames.contains { $0.hasPrefix("on") || $0 == "src" || $0 == "style" })
        #expect(page.text.contains("<script>alert(1)</script><img src=x onerror=alert(2)>\"'&␀␛\u{FFFD}]]>"))
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    }

    @Test func `a page needs nothing from outside`() {
        let text = RunPage.render(Self.record(events: 300))
        for word in ["http:", "https:", "src=", "@import", "url(", "<link", "<iframe"] {
            // The record's own text names a server; it must not be anything that is fetched.
            let own = text.replacing("https://images.example/installer.iso", with: "")
            #expect(!own.contains(word), "\(word)")
        }
        #expect(text.contains("default-src &#39;none&#39;"))
    }

    @Test func `bytes that a fault is about are not bytes that moved`() {
        var record = RunRecord(RunIdentity(scenario: "s", seed: 1, world: "sim"))
        record.events = [
            RunEvent(number: 0, at: .seconds(1), .fault, "fault http.reset", range: 0..<512),
            RunEvent(number: 1, at: .seconds(1), .host, slot: "Slot_0", "read", range: 0..<4096),
        ]
        let axis = TimeAxis(record)
        #expect(ThroughputPicture(record, axis).lanes.map(\.lane) == [.host])
        #expect(HeatMapPicture(record, axis).maps.map(\.slot) == ["Slot_0"])
    }

    @Test func `odd times do not break a picture`() throws {
        for nanoseconds: Int64 in [.min, -1, 0, 1, .max] {
            var record = RunRecord(RunIdentity(scenario: "s", seed: 1, world: "sim"))
            record.virtualNanoseconds = nanoseconds
            var event = RunEvent(
                number: 0, at: .zero, .slot, slot: "Slot_0", "state Active", range: 0..<UInt64.max)
            event.nanoseconds = nanoseconds
            event.latencyNanoseconds = nanoseconds
            var backwards = event
            backwards.nanoseconds = 0
            backwards.range = RunEvent.ByteRange(0..<1)
            backwards.range?.start = 5
            record.events = [event, backwards]
            record.violations = [Violation("v", at: .nanoseconds(nanoseconds), "d")]
            _ = try PageReading(RunPage.render(record))
        }
    }

    @Test(.enabled(if: Capability.tool("chromium").isUsable, "chromium is not installed"))
    func `a browser runs the page's script under its own policy and lists all rows`() async throws {
        let folder = try TemporaryFolder()
        let record = Self.record(events: 20_000)
        let file = try folder.write(Array(RunPage.render(record).utf8), to: "run.html")
        let result = try await Browser.load(file, profile: folder)
        // The script writes how many rows its filter shows: it has run, and found all.
        #expect(result.output.contains("60 of 60"), "\(result.error)")
        #expect(result.output.contains("class=\"scripted\""))
        #expect(!result.error.contains("Content Security Policy"), "\(result.error)")
    }
}
