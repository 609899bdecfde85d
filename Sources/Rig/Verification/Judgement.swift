import HostObserver

/// Turns what was found into one outcome and one sentence. Wrong beats everything; nothing counts as
/// proven that was not seen.
enum Judgement {
    static func settle(_ report: inout VerificationReport) {
        let verdicts = [
            ("reading", report.reading?.verdict), ("random reads", report.randomReading?.verdict),
            ("writing", report.writing?.verdict),
        ]
        for (phase, verdict) in verdicts {
            if case .mismatch(let what)? = verdict { return wrong(&report, "\(phase): \(what)") }
        }
        if let failed = report.stations.first(where: {
            $0.outcome == .failed && ["views", "store", "afterwards"].contains($0.name)
        }) {
            return wrong(&report, "\(failed.name): \(failed.detail)")
        }
        if report.outcome == .notLive {
            report.explanation = firstFailure(report) ?? "a deadline passed"
            return
        }
        report.outcome = .unproven
        if let failed = firstFailure(report, except: "host") {
            report.explanation = failed
            return
        }
        for (phase, verdict) in verdicts {
            switch verdict {
            case .unreadable(let what)?, .unproven(let what)?:
                report.explanation = "\(phase): \(what)"
                return
            case .proven?, .mismatch?, nil: continue
            }
        }
        if let failed = firstFailure(report) {
            report.explanation = failed
            return
        }
        guard let reading = report.reading else {
            if let sample = report.randomReading {
                report.explanation = "sampled: \(sample.provenByteCount) bytes equal, the rest was not read"
                return
            }
            report.explanation = report.stations.last { $0.outcome == .skipped }?.detail ?? "nothing was read"
            return
        }
        guard reading.hiddenByteCount == 0 else {
            report.explanation =
                "\(reading.hiddenByteCount) bytes after the last whole block are out of any host's sight; the "
                + "\(reading.provenByteCount) before them are right"
            return
        }
        report.outcome = .proven
        report.explanation =
            "the host saw exactly this image: \(reading.provenByteCount) bytes read and compared, none different"
    }

    private static func wrong(_ report: inout VerificationReport, _ why: String) {
        report.outcome = .wrong
        report.explanation = why
    }

    private static func firstFailure(_ report: VerificationReport, except name: String = "") -> String? {
        report.stations.first { $0.outcome == .failed && $0.name != name }.map { "\($0.name): \($0.detail)" }
    }
}
