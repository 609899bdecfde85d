/// When a fault fires. Occasions are counted from 1, each fault by itself, and only those that its
/// selector picks.
///
/// Three families. *Counted* triggers fire at an occasion; with a `duration` the fault stays active
/// that long from there, and fires at every occasion in between. *Timed* triggers make a fault active
/// at a moment, for its `duration` or until the heal; while active it fires at every occasion.
/// *Standing* ones are active from the start. A fault that is struck strikes when it becomes active.
///
/// Text in plans, as ``description`` writes it: see each case.
package enum Trigger: Equatable, Sendable {
    /// "always": from the start, for the fault's duration.
    case always
    /// "nth 3".
    case nth(Int)
    /// "every 5", "every 5 after 2": occasions 5, 10, 15 … or 7, 12, 17 …
    case every(Int, offset: Int)
    /// "from 3", "from 3 to 9", "from 3 to 9 step 2".
    case range(first: Int, last: Int?, step: Int)
    /// "after 65536 bytes": at every occasion from the one with which the bytes of all occasions
    /// exceed so many. Also read: "after 64 KiB", MiB, GiB.
    case afterBytes(UInt64)
    /// "at 2s": since the start of the run.
    case atTime(Duration)
    /// "on event read #100", "on every event read": named events of the run log.
    case onEvent(String, count: Int?)
    /// "on state Active", "on leaving Active", "on state Active of Slot_1 #2", "on every state Ready".
    /// The entity is a pattern, any if `nil`; the count says which time, every time if `nil`.
    case onState(entity: String?, state: String, edge: StateEdge, count: Int?)
    /// "p 0.01": each occasion by itself.
    case probability(Double)
    /// "until cleared": from the start until it is removed, whatever the duration says.
    case untilCleared
    /// "while file /tmp/broken": whenever that file exists.
    case whileFile(String)
    /// "after step 4": once four occasions are over, before the fifth is carried out; for a crash at
    /// every point of a sequence, from 0.
    case betweenSteps(Int)

    package enum StateEdge: String, Equatable, Sendable { case enter, exit }

    /// True for those that look at occasions, and never fire without one.
    package var isCounted: Bool {
        switch self {
        case .nth, .every, .range, .afterBytes, .probability, .betweenSteps: true
        case .always, .atTime, .onEvent, .onState, .untilCleared, .whileFile: false
        }
    }

    /// What is wrong with its numbers; `nil` if nothing is.
    var flaw: String? {
        switch self {
        case .always, .untilCleared: nil
        case .nth(let number): number >= 1 ? nil : "occasions are counted from 1"
        case .every(let number, let offset):
            number >= 1 && offset >= 0 ? nil : "the step must be at least 1, the offset at least 0"
        case .range(let first, let last, let step):
            first >= 1 && step >= 1 && (last ?? first) >= first
                ? nil : "occasions are counted from 1, and the last is not before the first"
        case .afterBytes: nil
        case .atTime(let time): time >= .zero ? nil : "the time must not be negative"
        case .onEvent(let name, let count):
            !name.isEmpty && (count ?? 1) >= 1 ? nil : "needs the name of an event, counted from 1"
        case .onState(_, let state, _, let count):
            !state.isEmpty && (count ?? 1) >= 1 ? nil : "needs the name of a state, counted from 1"
        case .probability(let chance):
            chance > 0 && chance <= 1 ? nil : "a probability is above 0 and at most 1"
        case .whileFile(let path): path.isEmpty ? "needs a path" : nil
        case .betweenSteps(let step): step >= 0 ? nil : "steps are counted from 0"
        }
    }
}
