@preconcurrency import Glibc
import Synchronization
import Verification

/// One line on a terminal that shows how far the work is; elsewhere nothing, so that logs stay plain.
final class ProgressBar: Sendable {
    private static let width = 40
    private let isVisible = Console.errorIsTerminal
    private let hasDrawn = Atomic(false)

    func show(_ progress: Progress) {
        show(progress.phase, done: progress.doneBytes, of: progress.totalBytes)
    }

    func show(_ phase: String, done: UInt64, of total: UInt64) {
        guard isVisible, total > 0 else { return }
        hasDrawn.store(true, ordering: .relaxed)
        let share = min(1, Double(done) / Double(total))
        let filled = Int(share * Double(Self.width))
        let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: Self.width - filled)
        fputs("\r\u{1B}[K\(bar) \(Int(share * 100)) %  \(phase)", stderr)
        fflush(stderr)
    }

    func clear() {
        guard hasDrawn.load(ordering: .relaxed) else { return }
        fputs("\r\u{1B}[K", stderr)
        fflush(stderr)
    }
}
