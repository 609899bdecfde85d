/// Knows tasks by the runtime's numbers, which differ from process to process: gives those that have one a
/// name, and numbers them anew where strategies or traces tell them apart.
struct TaskNumbers {
    var isCounting = false
    private var numbers: [UInt64: UInt32] = [:]
    private var names: [UInt64: String] = [:]
    /// By number; kept beyond the end of the task, for a trace.
    private var namesByNumber: [UInt32: String] = [:]
    /// Which task took each step, and the trace hash before it; `nil` unless asked for.
    private(set) var steps: [TracedStep]?

    mutating func startTracing() {
        isCounting = true
        steps = []
    }

    mutating func stopTracing() { isCounting = false }

    /// - Returns: 0 for no task, and while nobody counts.
    mutating func number(of runtimeTask: UInt64) -> UInt32 {
        guard isCounting, runtimeTask != 0 else { return 0 }
        if let number = numbers[runtimeTask] { return number }
        let number = UInt32(numbers.count + 1)
        numbers[runtimeTask] = number
        return number
    }

    mutating func name(_ runtimeTask: UInt64, _ name: String) {
        names[runtimeTask] = name
        if isCounting { namesByNumber[number(of: runtimeTask)] = name }
    }

    mutating func forget(_ runtimeTask: UInt64) { names[runtimeTask] = nil }

    func name(of runtimeTask: UInt64) -> String { names[runtimeTask] ?? Self.unnamed }
    func name(ofNumber number: UInt32) -> String {
        namesByNumber[number] ?? "\(Self.unnamed), number \(number)"
    }

    mutating func trace(_ task: UInt32, hash: UInt64) {
        steps?.append(TracedStep(task: task, hash: UInt32(truncatingIfNeeded: hash)))
    }

    private static let unnamed = "a child task"
}

struct TracedStep: Equatable {
    var task: UInt32
    var hash: UInt32
}

/// The tasks of the last steps, to name in a report who keeps a run busy.
struct RecentTasks {
    private var runtimeTasks = [UInt64](repeating: 0, count: length)
    private var next = 0
    private static let length = 64

    @inline(__always) mutating func add(_ runtimeTask: UInt64) {
        runtimeTasks[next] = runtimeTask
        next = (next + 1) % Self.length
    }

    /// Those that ran most first; among equals, the one that ran last.
    var byFrequency: [UInt64] {
        var counts: [(runtimeTask: UInt64, count: Int)] = []
        for offset in 1...Self.length {
            let task = runtimeTasks[(next - offset + Self.length) % Self.length]
            if task == 0 { continue }
            if let place = counts.firstIndex(where: { $0.runtimeTask == task }) {
                counts[place].count += 1
            } else {
                counts.append((task, 1))
            }
        }
        // By place too, for `sort` keeps no order of equals.
        return counts.enumerated()
            .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }
            .map(\.element.runtimeTask)
    }
}
