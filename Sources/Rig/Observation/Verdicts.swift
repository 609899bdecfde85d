import Glibc
import HostObserver

/// Turns what was seen into one outcome and one sentence: wrong beats everything, and nothing counts as
/// proven that was not seen.
enum Verdicts {
    static func settle(_ report: inout ObservationReport) {
        let verdicts = [
            ("reading", report.reading?.verdict), ("random reads", report.randomReading?.verdict),
            ("writing", report.writing?.verdict),
        ]
        for (phase, verdict) in verdicts {
            if case .mismatch(let what)? = verdict {
                report.outcome = .wrong
                report.explanation = "\(phase): \(what)"
                return
            }
        }
        report.outcome = .unproven
        for (phase, verdict) in verdicts {
            switch verdict {
            case .unreadable(let what)?, .unproven(let what)?:
                report.explanation = "\(phase): \(what)"
                return
            case .proven?, .mismatch?, nil: continue
            }
        }
        guard let reading = report.reading else { return report.explanation = "nothing was read" }
        guard reading.hiddenByteCount == 0 else {
            report.explanation =
                "\(reading.hiddenByteCount) bytes after the last whole block are out of any host's sight; the "
                + "\(reading.provenByteCount) before them are right"
            return
        }
        report.outcome = .proven
        report.explanation =
            "this host sees exactly the image: \(reading.provenByteCount) bytes, none different"
    }

    static func fail(_ report: inout ObservationReport, _ error: ObserverError) {
        report.explanation = error.description
        switch error {
        case .usb(.timedOut, _), .transport(.timedOut, _), .offline, .system(ETIMEDOUT, _, _):
            report.outcome = .notLive
        case .expectedImage: report.outcome = .environmentMissing
        default: report.outcome = .unproven
        }
    }
}
