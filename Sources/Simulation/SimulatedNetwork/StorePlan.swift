import FaultPoints
import Synchronization

/// What faults do to one operation of a ``FaultyStore``, beside making it wait.
struct StorePlan {
    private static let operations = ["read", "write", "write-zeroes", "flush", "trim"]

    static let carriedOut: FaultTable =
        FaultTable(
            .store, operations,
            [
                "delay", "hold", "uninterruptible", "fail", "fail-afterwards", "crash-before", "crash-after",
                "truncate", "grow",
            ])
        + FaultTable(.store, ["write", "write-zeroes", "flush", "trim"], ["pretend"])
        + FaultTable(.store, ["read", "write"], ["corrupt", "bandwidth"])
        + FaultTable(.store, ["read"], ["short"])
        + FaultTable(.store, ["read", "write", "write-zeroes"], ["torn"])

    private(set) var refusal: CInt?
    private(set) var lateRefusal: CInt?
    private(set) var isPretended = false
    /// What a read has to be told twice for.
    private(set) var missingBytes = 0
    private(set) var tornSectors: UInt64?
    private(set) var corruptions: [FaultAction.Corruption] = []
    /// Writes that survive a crash before, or after, it is carried out.
    private(set) var crashBefore: Int?
    private(set) var crashAfter: Int?

    mutating func add(_ action: FaultAction) {
        switch action {
        case .fail(let errno): refusal = errno
        case .failAfterwards(let errno): lateRefusal = errno
        case .pretend: isPretended = true
        // Of a store a read is all or nothing: whoever is told of less reads the rest.
        case .short(let byteCount): missingBytes = byteCount
        case .torn(let sectors): tornSectors = sectors
        case .corrupt(let corruption): corruptions.append(corruption)
        case .special("crash-before", let survivors): crashBefore = Int(max(0, survivors))
        case .special("crash-after", let survivors): crashAfter = Int(max(0, survivors))
        default: preconditionFailure("\(action) is nothing that a store can suffer")
        }
    }
}

/// One at a time, in the order they came.
final class Turns: Sendable {
    private struct State {
        var isTaken = false
        var waiting = Fifo<CheckedContinuation<Void, Never>>()
    }
    private let state = Mutex(State())

    func take() async {
        await withCheckedContinuation { continuation in
            let isMine = state.withLock { state in
                if state.isTaken { state.waiting.append(continuation) }
                defer { state.isTaken = true }
                return !state.isTaken
            }
            if isMine { continuation.resume() }
        }
    }

    func giveBack() {
        let next = state.withLock { state in
            let next = state.waiting.popFirst()
            state.isTaken = next != nil
            return next
        }
        next?.resume()
    }
}
