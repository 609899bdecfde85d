import Synchronization
internal import Worlds

/// When something last befell a slot that nobody's service can prevent: its cable, its host, its power.
final class Disturbances: Sendable {
    /// What was true this long before may have ceased to be without anybody's fault.
    static let span = Duration.seconds(1)

    private let last = Mutex<[String: Duration]>([:])

    func note(_ slot: String, at time: Duration) { last.withLock { $0[slot] = time } }

    func note(_ impact: Impact, slots: [SlotUnderTest], at time: Duration) {
        for slot in slots where impact.slots?.contains(slot.name) ?? true {
            note(slot.name, at: time)
            slot.struck(losesUnflushedWrites: impact.losesUnflushedWrites)
        }
    }

    func isRecent(_ slot: String, at time: Duration) -> Bool {
        last.withLock { $0[slot].map { time - $0 <= Self.span } ?? false }
    }
}

/// Counts strikes that are being carried out.
final class StrikeCount: Sendable {
    private let count = Atomic(0)
    func begin() { count.add(1, ordering: .relaxed) }
    func end() { count.subtract(1, ordering: .relaxed) }
    var isZero: Bool { count.load(ordering: .relaxed) == 0 }
}

/// Failures of branches that run at the same time.
final class BranchResults: Sendable {
    private let failures = Mutex<[Int: StepFailure]>([:])
    func put(_ failure: StepFailure, _ branch: Int) { failures.withLock { $0[branch] = failure } }
    /// Of the first branch in order that failed.
    var first: StepFailure? { failures.withLock { $0.min { $0.key < $1.key }?.value } }
}
