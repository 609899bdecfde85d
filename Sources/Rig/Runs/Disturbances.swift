import Synchronization
internal import Worlds

/// When something last befell a slot that nobody's service can prevent: its cable, its host, its power.
final class Disturbances: Sendable {
    /// What was true this long before may have ceased to be without anybody's fault.
    static let span = Duration.seconds(1)

    let standstills: Standstills
    private let last = Mutex<[String: Duration]>([:])

    init(_ standstills: Standstills) { self.standstills = standstills }

    func note(_ slot: String, at time: Duration) { last.withLock { $0[slot] = time } }

    func note(_ impact: Impact, slots: [SlotUnderTest], at time: Duration) {
        for slot in slots where impact.slots?.contains(slot.name) ?? true {
            note(slot.name, at: time)
            slot.struck(losesUnflushedWrites: impact.losesUnflushedWrites)
        }
        if let standstill = impact.standstill { standstills.note(standstill, at: time) }
    }

    func hasBeen(_ slot: String, since time: Duration) -> Bool {
        last.withLock { $0[slot].map { $0 >= time } ?? false }
    }

    func isRecent(_ slot: String, at time: Duration) -> Bool {
        last.withLock { $0[slot].map { time - $0 <= Self.span } ?? false }
    }
}

/// When the service or its bus stood still.
final class Standstills: Sendable {
    struct Span: Equatable, Sendable {
        var who: String
        var start: Duration
        /// `nil` while it lasts.
        var end: Duration?
    }

    private let spans = Mutex<[Span]>([])

    func note(_ standstill: Impact.Standstill, at time: Duration) {
        spans.withLock { spans in
            let open = spans.lastIndex { $0.who == standstill.who && $0.end == nil }
            if standstill.begins {
                if open == nil { spans.append(Span(who: standstill.who, start: time)) }
            } else if let open {
                spans[open].end = time
            }
        }
    }

    /// The one that ends last, or lasts yet, of those that touch the time since `start`.
    func last(since start: Duration) -> Span? {
        spans.withLock { spans in
            spans.first { $0.end == nil }
                ?? spans.filter { $0.end! >= start }.max { $0.end! < $1.end! }
        }
    }

    /// Whoever stood still has been replaced by one that runs.
    func endAll(of who: String, at time: Duration) {
        note(Impact.Standstill(who: who, begins: false), at: time)
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
