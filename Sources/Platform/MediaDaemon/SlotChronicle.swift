import DaemonShell
import Synchronization
import VirtualMedia

/// What slots do, as lines of a log: changes of state and failures, not the counters that change all the
/// time. A URL is never in it, since some hold a secret.
final class SlotChronicle: Sendable {
    private struct Last: Equatable {
        var status: String
        var failure: String?
    }

    private let log: DaemonLog
    private let last = Mutex<[String: Last]>([:])

    init(log: DaemonLog) { self.log = log }

    func tell(_ slot: String, _ notice: SlotNotice) {
        switch notice {
        case .completion(let request, let code):
            let level: LogLevel = code == .done ? .info : .warning
            log(level, "\(slot): \(request.rawValue) completed with \(code.rawValue) (\(code))")
        case .report(let report):
            let now = Last(status: report.status, failure: report.lastFailure?.message)
            let before = last.withLock { last in
                defer { last[slot] = now }
                return last[slot]
            }
            if now.status != before?.status {
                let size = report.isActive ? ", \(report.byteCount) bytes on \(report.controller)" : ""
                log(.notice, "\(slot): \(now.status)\(size)")
            }
            if let failure = now.failure, failure != before?.failure { log(.warning, "\(slot): \(failure)") }
        }
    }
}
