import CSwiftRuntime

/// One sleep of a task, from before it waits until after it has woken.
///
/// It stays at its address for as long as the queue lives, and is used again by a later sleep: so heap
/// entries and the runtime's record of what to call on cancellation can point to it.
struct Sleeper {
    enum State { case idle, made, parked, woken, cancelled }

    var cancellation: task_access_cancellation
    /// Counted from the start of the run, never reused.
    var identifier: UInt64 = 0
    var state = State.idle
    /// Whose job went to sleep.
    var process = 0
    var continuation: UnsafeContinuation<Bool, Never>?
}

/// Sleepers by deadline, then by the order in which they went to sleep: a binary heap.
///
/// A cancelled sleeper leaves the heap later: when its entry comes up, or when more than half of the heap is
/// such leftovers.
struct TimerQueue: ~Copyable {
    private struct Entry {
        var deadline: Int128
        var identifier: UInt64
        var sleeper: UnsafeMutablePointer<Sleeper>

        @inline(__always) func precedes(_ other: Entry) -> Bool {
            deadline < other.deadline || (deadline == other.deadline && identifier < other.identifier)
        }
        @inline(__always) var isLeftover: Bool {
            sleeper.pointee.identifier != identifier || sleeper.pointee.state != .parked
        }
    }

    private var all: [UnsafeMutablePointer<Sleeper>] = []
    private var idle: [UnsafeMutablePointer<Sleeper>] = []
    private var heap: [Entry] = []
    private var leftovers = 0
    private var made: UInt64 = 0

    /// Leftovers below this number are not worth a sweep.
    private static let leastLeftovers = 64

    init() {}

    deinit {
        for sleeper in all {
            sleeper.deinitialize(count: 1)
            sleeper.deallocate()
        }
    }

    /// - Parameter cancellation: What the cancellation of the task calls; its argument becomes the sleeper.
    mutating func make(_ cancellation: task_access_cancellation) -> UnsafeMutablePointer<Sleeper> {
        let sleeper = idle.popLast() ?? allocate(cancellation)
        made += 1
        sleeper.pointee.identifier = made
        sleeper.pointee.state = .made
        return sleeper
    }

    private mutating func allocate(
        _ cancellation: task_access_cancellation
    ) -> UnsafeMutablePointer<Sleeper> {
        let sleeper = UnsafeMutablePointer<Sleeper>.allocate(capacity: 1)
        sleeper.initialize(to: Sleeper(cancellation: cancellation))
        sleeper.pointee.cancellation.argument = UnsafeMutableRawPointer(sleeper)
        all.append(sleeper)
        return sleeper
    }

    /// The sleep is over, and nothing will call its cancellation any more.
    mutating func retire(_ sleeper: UnsafeMutablePointer<Sleeper>) {
        sleeper.pointee.state = .idle
        idle.append(sleeper)
    }

    /// - Returns: `false` when the sleep was cancelled before it began.
    mutating func park(
        _ sleeper: UnsafeMutablePointer<Sleeper>, until deadline: Int128, process: Int,
        _ continuation: UnsafeContinuation<Bool, Never>
    ) -> Bool {
        guard sleeper.pointee.state == .made else { return false }
        sleeper.pointee.state = .parked
        sleeper.pointee.process = process
        sleeper.pointee.continuation = continuation
        insert(Entry(deadline: deadline, identifier: sleeper.pointee.identifier, sleeper: sleeper))
        return true
    }

    /// - Returns: what to resume with `false`; `nil` when the sleeper has woken, or does not wait yet.
    mutating func cancel(_ sleeper: UnsafeMutablePointer<Sleeper>) -> UnsafeContinuation<Bool, Never>? {
        switch sleeper.pointee.state {
        case .idle, .woken, .cancelled: return nil
        case .made:
            sleeper.pointee.state = .cancelled
            return nil
        case .parked:
            sleeper.pointee.state = .cancelled
            countLeftover()
            return sleeper.pointee.continuation.take()
        }
    }

    /// The earliest time at which a sleeper wakes.
    var firstDeadline: Int128? {
        @inline(__always) mutating get {
            guard let first = heap.first else { return nil }
            return first.isLeftover ? firstDeadlineAfterLeftovers() : first.deadline
        }
    }

    private mutating func firstDeadlineAfterLeftovers() -> Int128? {
        while let first = heap.first, first.isLeftover {
            removeFirst()
            leftovers -= 1
        }
        return heap.first?.deadline
    }

    /// Wakes the first sleeper. Only after ``firstDeadline`` gave one.
    mutating func takeFirst() -> (identifier: UInt64, continuation: UnsafeContinuation<Bool, Never>) {
        let entry = heap[0]
        removeFirst()
        guard let continuation = entry.sleeper.pointee.continuation.take() else {
            preconditionFailure("a sleeper in the heap that waits for nothing")
        }
        entry.sleeper.pointee.state = .woken
        return (entry.identifier, continuation)
    }

    /// Takes out all sleepers of a process, in the order they went to sleep; none of them wakes any more.
    mutating func takeAll(of process: Int) -> [UnsafeContinuation<Bool, Never>] {
        let taken = heap.filter { !$0.isLeftover && $0.sleeper.pointee.process == process }
            .sorted { $0.identifier < $1.identifier }
        return taken.compactMap { entry in
            entry.sleeper.pointee.state = .woken
            countLeftover()
            return entry.sleeper.pointee.continuation.take()
        }
    }

    // MARK: Heap

    private mutating func countLeftover() {
        leftovers += 1
        guard leftovers > Self.leastLeftovers, leftovers * 2 > heap.count else { return }
        let live = heap.filter { !$0.isLeftover }
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
