import VirtualMedia

/// Every deadline of the kernel, in one ordered list: equal ones fire in the order they were set.
///
/// It reads the clock but never waits on it: the shell sleeps until ``earliest`` and then calls
/// ``fireDue()``.
final class KernelTimers {
    struct TimerID: Equatable {
        /// When it fires.
        let deadline: Duration
        fileprivate let number: UInt64
    }

    private struct Entry {
        let id: TimerID
        let action: () -> Void
    }

    private let clock: any MediaClock
    private var entries: [Entry] = []
    private var lastNumber: UInt64 = 0
    /// Told whenever the list has a new first deadline, so that the shell wakes up in time.
    var deadlineMovedUp: ((Duration) -> Void)?
    weak var faults: KernelFaults?

    init(clock: any MediaClock) { self.clock = clock }

    var now: Duration { clock.now }
    var earliest: Duration? { entries.first?.id.deadline }

    /// - Parameter name: what a timer of the kernel itself is for; such a one can be late. Without a
    ///   name it is a fault's own, or the host's, whose clock is another.
    @discardableResult
    func schedule(at deadline: Duration, named name: String? = nil, _ action: @escaping () -> Void)
        -> TimerID
    {
        lastNumber += 1
        let time = name.map { lateness(of: deadline, named: $0) } ?? deadline
        let id = TimerID(deadline: time, number: lastNumber)
        let position = firstPosition { $0 > id }
        entries.insert(Entry(id: id, action: action), at: position)
        if position == 0 { deadlineMovedUp?(time) }
        return id
    }

    /// Harmless when the timer has fired.
    func cancel(_ id: TimerID) {
        let position = firstPosition { $0 >= id }
        guard position < entries.count, entries[position].id == id else { return }
        entries.remove(at: position)
    }

    /// Runs what is due, including what that makes due at once.
    func fireDue() {
        while let first = entries.first, first.id.deadline <= now {
            entries.removeFirst()
            first.action()
        }
    }

    /// The deadline with what a fault adds to it; "coalesce" puts it off to the next multiple of so many
    /// milliseconds, where others wait.
    private func lateness(of deadline: Duration, named name: String) -> Duration {
        guard let met = faults?.meet(.clock, "timer", on: name), !met.isEmpty else { return deadline }
        let late = deadline + met.delay
        guard let grid = met.time("coalesce"), grid > .zero else { return late }
        let steps = (late / grid).rounded(.up)
        return max(late, grid * Int(steps))
    }

    private func firstPosition(where isPast: (TimerID) -> Bool) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if isPast(entries[middle].id) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension KernelTimers.TimerID: Comparable {
    static func < (left: Self, right: Self) -> Bool {
        (left.deadline, left.number) < (right.deadline, right.number)
    }
}
