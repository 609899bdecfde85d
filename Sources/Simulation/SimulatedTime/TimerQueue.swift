/// Names one sleep.
package struct TimerToken: Equatable, Sendable {
    /// Counted from the start of the run, never reused.
    var identifier: UInt64
    var slot: Int
}

/// Sleepers by deadline: a binary heap over slots that are used again.
///
/// A cancelled sleeper leaves its slot at once and its heap entry later: when the entry comes up, or when
/// more than half of the heap is such leftovers.
struct TimerQueue {
    struct Sleeper {
        var identifier: UInt64
        var deadline: Int128 = 0
        /// Whose job went to sleep.
        var process = 0
        var continuation: UnsafeContinuation<Bool, Never>?
        /// Cancelled between its making and its going to sleep.
        var isCancelled = false
    }

    private struct Entry {
        var deadline: Int128
        var identifier: UInt64
        var slot: Int

        @inline(__always) func precedes(_ other: Entry) -> Bool {
            deadline < other.deadline || (deadline == other.deadline && identifier < other.identifier)
        }
    }

    private var slots: [Sleeper] = []
    private var freeSlots: [Int] = []
    private var heap: [Entry] = []
    private var leftovers = 0
    private var made: UInt64 = 0

    /// Leftovers below this number are not worth a sweep.
    private static let leastLeftovers = 64

    mutating func make() -> TimerToken {
        made += 1
        if let slot = freeSlots.popLast() {
            slots[slot] = Sleeper(identifier: made)
            return TimerToken(identifier: made, slot: slot)
        }
        slots.append(Sleeper(identifier: made))
        return TimerToken(identifier: made, slot: slots.count - 1)
    }

    /// - Returns: `false` when the timer was cancelled before; then it is gone.
    mutating func park(
        _ timer: TimerToken, until deadline: Int128, process: Int,
        _ continuation: UnsafeContinuation<Bool, Never>
    ) -> Bool {
        guard !slots[timer.slot].isCancelled else {
            free(timer.slot)
            return false
        }
        slots[timer.slot].deadline = deadline
        slots[timer.slot].process = process
        slots[timer.slot].continuation = continuation
        insert(Entry(deadline: deadline, identifier: timer.identifier, slot: timer.slot))
        return true
    }

    /// - Returns: the sleeper to wake; `nil` when it has woken, or will not go to sleep any more.
    mutating func cancel(_ timer: TimerToken) -> UnsafeContinuation<Bool, Never>? {
        guard slots[timer.slot].identifier == timer.identifier else { return nil }
        guard let continuation = slots[timer.slot].continuation else {
            slots[timer.slot].isCancelled = true
            return nil
        }
        free(timer.slot)
        countLeftover()
        return continuation
    }

    /// The earliest time at which a sleeper wakes.
    var firstDeadline: Int128? {
        mutating get {
            while let first = heap.first, slots[first.slot].identifier != first.identifier {
                removeFirst()
                leftovers -= 1
            }
            return heap.first?.deadline
        }
    }

    /// Takes the first sleeper out. Only after ``firstDeadline`` gave one.
    mutating func takeFirst() -> (identifier: UInt64, continuation: UnsafeContinuation<Bool, Never>) {
        let entry = heap[0]
        guard let continuation = slots[entry.slot].continuation else {
            preconditionFailure("a timer in the heap without a sleeper")
        }
        removeFirst()
        free(entry.slot)
        return (entry.identifier, continuation)
    }

    /// Takes out all sleepers of a process, in the order they were made.
    mutating func takeAll(of process: Int) -> [UnsafeContinuation<Bool, Never>] {
        let taken = slots.indices.filter { slots[$0].process == process && slots[$0].continuation != nil }
            .sorted { slots[$0].identifier < slots[$1].identifier }
        let continuations = taken.compactMap { slots[$0].continuation }
        for slot in taken {
            free(slot)
            countLeftover()
        }
        return continuations
    }

    // MARK: Heap

    private mutating func free(_ slot: Int) {
        slots[slot] = Sleeper(identifier: 0)
        freeSlots.append(slot)
    }

    private mutating func countLeftover() {
        leftovers += 1
        guard leftovers > Self.leastLeftovers, leftovers * 2 > heap.count else { return }
        let live = heap.filter { slots[$0.slot].identifier == $0.identifier }
        heap.removeAll(keepingCapacity: true)
        for entry in live { insert(entry) }
        leftovers = 0
    }

    private mutating func insert(_ entry: Entry) {
        var child = heap.count
        heap.append(entry)
        heap.withUnsafeMutableBufferPointer { heap in
            while child > 0 {
                let parent = (child - 1) / 2
                guard entry.precedes(heap[parent]) else { break }
                heap[child] = heap[parent]
                child = parent
            }
            heap[child] = entry
        }
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap.withUnsafeMutableBufferPointer { heap in
            var parent = 0
            while true {
                let left = 2 * parent + 1
                guard left < heap.count else { break }
                let right = left + 1
                let lesser = right < heap.count && heap[right].precedes(heap[left]) ? right : left
                guard heap[lesser].precedes(last) else { break }
                heap[parent] = heap[lesser]
                parent = lesser
            }
            heap[parent] = last
        }
    }
}
