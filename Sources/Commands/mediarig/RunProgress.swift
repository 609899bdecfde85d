import ArgumentParser
import Artefacts
@preconcurrency import Glibc
import RunLog
import Synchronization

/// Shows how far many runs are, on a terminal; elsewhere only what fails is told.
final class RunProgress: Sendable {
    /// Failures told in full; the rest is in the summary.
    private static let maximumTold = 10

    private struct State {
        var done: UInt64 = 0
        var failed = 0
    }
    private let state = Mutex(State())
    private let total: UInt64

    init(total: UInt64) { self.total = total }

    func ended(_ record: RunRecord) {
        let (done, failed) = state.withLock { state in
            state.done += 1
            if record.verdict != .passed { state.failed += 1 }
            return (state.done, state.failed)
        }
        if record.verdict != .passed, failed <= Self.maximumTold {
            clear()
            let first = record.violations.first.map { ": \($0.name): \($0.detail)" } ?? ""
            Console.complain(
                "\(record.identity.scenario), seed \(record.identity.seed): \(record.verdict.rawValue)\(first)"
            )
        }
        guard Console.errorIsTerminal, total > 1, done.isMultiple(of: 16) || done == total else { return }
        fputs("\r\u{1B}[K\(done) of \(total) runs, \(failed) failed", stderr)
        fflush(stderr)
    }

    func clear() {
        guard Console.errorIsTerminal else { return }
        fputs("\r\u{1B}[K", stderr)
        fflush(stderr)
    }
}

/// Artefacts that cannot be written or read end the command.
enum ArtefactFailure {
    static func reporting<Result>(_ body: () throws(ArtefactError) -> Result) throws -> Result {
        do throws(ArtefactError) { return try body() } catch { try report(error) }
    }

    static func report(_ error: ArtefactError) throws -> Never {
        Console.complain("\(error)")
        throw ExitCode(ExitStatus.environmentMissing.rawValue)
    }
}
