/// Carries out a ``Schedule``, and keeps what it chose.
struct Scheduler {
    private enum Strategy {
        case firstInFirstOut
        case random(RandomStream)
        case prioritised(TaskPriorities)
        case delayed(Delays)
        case replay([UInt32])
    }

    private var strategy: Strategy
    /// Times that more than one job was ready.
    private(set) var decisions = 0
    /// Place of the chosen job among the ready ones, for each decision; the zeros at the end are left out.
    private(set) var choices: [UInt32] = []
    private(set) var divergence: ReplayDivergence?
    /// How many jobs were ready at each of the first decisions, up to ``branchLimit``.
    private(set) var branches: [Int] = []
    private let branchLimit: Int
    private var isClosed = false

    /// - Parameter branchLimit: Decisions of which ``branches`` is kept.
    init(_ schedule: Schedule, random: RandomStreams, branchLimit: Int = 0) {
        strategy =
            switch schedule {
            case .firstInFirstOut, .exhaustive: .firstInFirstOut
            case .random: .random(random.stream("schedule"))
            case .prioritised(let depth, let decisions):
                .prioritised(TaskPriorities(depth, of: decisions, random.stream("schedule")))
            case .delayed(let count, let decisions):
                .delayed(Delays(count, of: decisions, random.stream("schedule")))
            case .replay(let choices): .replay(choices)
            }
        self.branchLimit = branchLimit
    }

    var needsTaskNumbers: Bool {
        if case .prioritised = strategy { true } else { false }
    }

    /// - Returns: the place of the job to run next, of at least two.
    mutating func pick(from ready: borrowing ReadyQueue, step: Int) -> Int {
        if isClosed { return 0 }
        let decision = decisions
        decisions += 1
        let count = ready.count
        if decision < branchLimit { branches.append(count) }
        let choice: Int
        switch strategy {
        case .firstInFirstOut: return 0
        case .random(var stream):
            choice = Int.random(in: 0..<count, using: &stream)
            strategy = .random(stream)
        case .prioritised(var priorities):
            strategy = .firstInFirstOut  // So that the tables have one owner.
            choice = priorities.pick(from: ready, decision: decision)
            strategy = .prioritised(priorities)
        case .delayed(var delays):
            choice = delays.pick(of: count, decision: decision)
            strategy = .delayed(delays)
        case .replay(let recorded):
            guard decision < recorded.count else { return 0 }
            choice = Int(recorded[decision])
            guard choice < count else {
                divergence = ReplayDivergence(
                    step: step, decision: decision, choice: recorded[decision], readyCount: count)
                strategy = .firstInFirstOut
                return 0
            }
        }
        if choice != 0 { record(choice, at: decision) }
        return choice
    }

    /// From now on the oldest job runs, and nothing is kept: for the winding up after a run.
    mutating func close() { isClosed = true }

    private mutating func record(_ choice: Int, at decision: Int) {
        choices.append(contentsOf: repeatElement(0, count: decision - choices.count))
        choices.append(UInt32(choice))
    }
}

/// Where a replayed list of choices no longer fitted the run.
package struct ReplayDivergence: Equatable, Sendable, CustomStringConvertible {
    package var step: Int
    /// Place in the list.
    package var decision: Int
    package var choice: UInt32
    package var readyCount: Int

    package var description: String {
        "step \(step), decision \(decision): recorded choice \(choice) of only \(readyCount) ready jobs"
    }
}

/// The priorities of PCT: those drawn at first sight lie above those given at change points.
private struct TaskPriorities {
    private var stream: RandomStream
    /// By number of task; 0 where none was drawn yet.
    private var ofTask: [UInt64] = []
    /// Decisions at which the running task falls, in order.
    private let changePoints: [Int]
    private var passedChangePoints = 0

    private static let drawn: UInt64 = 1 << 63

    init(_ depth: Int, of decisions: Int, _ stream: RandomStream) {
        self.stream = stream
        changePoints = drawPoints(depth - 1, of: decisions, &self.stream)
    }

    mutating func pick(from ready: borrowing ReadyQueue, decision: Int) -> Int {
        var highest = place(ofHighestIn: ready)
        while passedChangePoints < changePoints.count, changePoints[passedChangePoints] <= decision {
            passedChangePoints += 1
            ofTask[Int(ready[highest].task)] = UInt64(passedChangePoints)
            highest = place(ofHighestIn: ready)
        }
        return highest
    }

    private mutating func place(ofHighestIn ready: borrowing ReadyQueue) -> Int {
        var highest = 0
        var highestPriority: UInt64 = 0
        for place in 0..<ready.count {
            let priority = priority(of: Int(ready[place].task))
            if priority > highestPriority { (highest, highestPriority) = (place, priority) }
        }
        return highest
    }

    private mutating func priority(of task: Int) -> UInt64 {
        if task >= ofTask.count {
            ofTask.append(contentsOf: repeatElement(0, count: task + 1 - ofTask.count))
        }
        if ofTask[task] == 0 { ofTask[task] = stream.next() | Self.drawn }
        return ofTask[task]
    }
}

private struct Delays {
    private let points: [Int]
    private var passed = 0
    /// Decisions for which the oldest job still waits.
    private var held = 0

    init(_ count: Int, of decisions: Int, _ stream: RandomStream) {
        var stream = stream
        points = drawPoints(count, of: decisions, &stream)
    }

    mutating func pick(of count: Int, decision: Int) -> Int {
        if held == 0, passed < points.count, points[passed] <= decision {
            passed += 1
            held = count - 1
        }
        guard held > 0 else { return 0 }
        held -= 1
        return 1
    }
}

private func drawPoints(_ count: Int, of decisions: Int, _ stream: inout RandomStream) -> [Int] {
    (0..<count).map { _ in Int.random(in: 0..<decisions, using: &stream) }.sorted()
}
