import Testing

@testable import HostObserver
@testable import Verification

/// Which findings make which outcome; wrong beats everything, and nothing unseen counts as proven.
struct JudgementTests {
    private func report(_ change: (inout VerificationReport) -> Void) -> VerificationReport {
        var report = VerificationReport(VerificationPlan(image: "x"))
        var reading = ReadReport(verdict: .proven)
        reading.provenByteCount = 4096
        reading.visibleByteCount = 4096
        report.reading = reading
        report.stations = [Station(name: "host", outcome: .passed, detail: "", milliseconds: 1)]
        change(&report)
        Judgement.settle(&report)
        return report
    }

    private func failed(_ name: String) -> Station {
        Station(name: name, outcome: .failed, detail: "because", milliseconds: 1)
    }

    @Test func `everything right is proven and ends with 0`() {
        let report = report { _ in }
        #expect(report.outcome == .proven)
        #expect(report.exitStatus == 0)
    }

    @Test(arguments: ["insert", "host", "eject", "views", "store", "afterwards"])
    func `no failed station ends with 0`(station: String) {
        let report = report { $0.stations.append(failed(station)) }
        let isWrong = ["views", "store", "afterwards"].contains(station)
        #expect(report.outcome == (isWrong ? .wrong : .unproven))
        #expect(report.exitStatus == (isWrong ? 1 : 5))
        #expect(report.explanation.contains("because"))
    }

    @Test(arguments: [
        (Verdict.mismatch("m"), VerificationReport.Outcome.wrong), (.unreadable("u"), .unproven),
        (.unproven("p"), .unproven), (.proven, .proven),
    ])
    func `each phase's verdict decides`(verdict: Verdict, outcome: VerificationReport.Outcome) {
        #expect(report { $0.reading?.verdict = verdict }.outcome == outcome)
        #expect(report { $0.randomReading = ReadReport(verdict: verdict) }.outcome == outcome)
        #expect(report { $0.writing = WriteReport(verdict: verdict) }.outcome == outcome)
    }

    @Test func `wrong bytes beat a passed deadline, and a deadline beats what is merely unproven`() {
        let wrong = report {
            $0.outcome = .notLive
            $0.reading?.verdict = .mismatch("m")
        }
        #expect(wrong.outcome == .wrong)
        let late = report {
            $0.outcome = .notLive
            $0.reading?.verdict = .unproven("p")
            $0.stations.append(failed("eject"))
        }
        #expect(late.outcome == .notLive)
        #expect(late.exitStatus == 3)
    }

    @Test func `hidden bytes, a sample and no reading at all are not proven`() {
        #expect(report { $0.reading?.hiddenByteCount = 1 }.outcome == .unproven)
        #expect(report { $0.reading = nil }.outcome == .unproven)
        let sample = report {
            $0.reading = nil
            $0.randomReading = ReadReport(verdict: .proven)
        }
        #expect(sample.outcome == .unproven)
        #expect(sample.explanation.contains("sampled"))
    }

    @Test func `of several reports the worst decides, and none is not success`() {
        let proven = report { _ in }
        let unproven = report { $0.reading = nil }
        let wrong = report { $0.reading?.verdict = .mismatch("m") }
        #expect(VerificationReport.exitStatus(of: [proven, proven]) == 0)
        #expect(VerificationReport.exitStatus(of: [proven, unproven]) == 5)
        #expect(VerificationReport.exitStatus(of: [unproven, wrong, proven]) == 1)
        #expect(VerificationReport.exitStatus(of: []) == 5)
    }
}
