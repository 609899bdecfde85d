import Testing

@testable import Verification

struct ReportTextTests {
    @Test(
        arguments: [
            (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1 << 20, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (3 << 40, "3.0 TiB"),
        ] as [(UInt64, String)])
    func `sizes are in binary units`(byteCount: UInt64, text: String) {
        #expect(ReportText.size(byteCount) == text)
    }

    @Test func `a report without a host has its stations and its verdict, and colours only when asked`() {
        var report = VerificationReport(VerificationPlan(image: "disk.img"))
        report.stations = [
            Station(name: "insert", outcome: .failed, detail: "Completion(2): gone", milliseconds: 0.5),
            Station(name: "host", outcome: .skipped, detail: "absent", milliseconds: 1500),
        ]
        Judgement.settle(&report)
        let plain = ReportText.render(report)
        #expect(plain.contains("FAIL insert  500 µs     Completion(2): gone"), "\(plain)")
        #expect(plain.contains("--   host    1.5 s      absent"), "\(plain)")
        #expect(plain.contains("NOT PROVEN: insert: Completion(2): gone"), "\(plain)")
        #expect(!plain.contains("\u{1B}"))
        #expect(ReportText.render(report, hasColour: true).contains("\u{1B}[31mFAIL"))
    }
}
