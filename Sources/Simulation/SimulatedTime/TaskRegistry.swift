import Synchronization

/// One task that a spawner started.
final class SpawnedEntry: Sendable {
    let name: String
    let process: Int
    private struct Waits {
        var next = 0
        var reasons: [(number: Int, text: String)] = []
    }
    private let waits = Mutex(Waits())

    init(name: String, process: Int) {
        self.name = name
        self.process = process
    }

    /// That of the running task, which its child tasks share.
    @TaskLocal static var current: SpawnedEntry?

    func beginWait(for reason: String) -> Int {
        waits.withLock { waits in
            waits.next += 1
            waits.reasons.append((waits.next, reason))
            return waits.next
        }
    }

    func endWait(_ number: Int) {
        waits.withLock { waits in waits.reasons.removeAll { $0.number == number } }
    }

    var waiting: WaitingTask {
        WaitingTask(name, for: waits.withLock { $0.reasons.map(\.text) })
    }
}

/// A task that has not ended, and what it waits for as far as it said so with
/// ``Simulation/waiting(for:_:)``.
package struct WaitingTask: Equatable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    package var name: String
    package var reasons: [String]

    package init(_ name: String, for reasons: [String] = []) {
        self.name = name
        self.reasons = reasons
    }
    package init(stringLiteral name: String) { self.init(name) }

    package var description: String {
        reasons.isEmpty ? name : "\(name) (for \(reasons.joined(separator: "; ")))"
    }
}

/// The tasks of a run that have not ended.
final class TaskRegistry: Sendable {
    private struct Live {
        var entry: SpawnedEntry
        var task: Task<Void, Never>?
    }

    /// By number of start; numbers grow, so sorted keys are the order of starting.
    private let live = Mutex<(next: Int, tasks: [Int: Live])>((0, [:]))

    func start(_ entry: SpawnedEntry) -> Int {
        live.withLock { live in
            live.next += 1
            live.tasks[live.next] = Live(entry: entry, task: nil)
            return live.next
        }
    }

    func attach(_ task: Task<Void, Never>, to number: Int) {
        live.withLock { $0.tasks[number]?.task = task }
    }

    func end(_ number: Int) { live.withLock { _ = $0.tasks.removeValue(forKey: number) } }

    /// The tasks of a dead process end no more, and nobody waits for them.
    ///
    /// - Returns: them, in the order they were started.
    func remove(process: Int) -> [Task<Void, Never>] {
        live.withLock { live in
            let dead = live.tasks.filter { $0.value.entry.process == process }.sorted { $0.key < $1.key }
            for (number, _) in dead { live.tasks.removeValue(forKey: number) }
            return dead.compactMap(\.value.task)
        }
    }

    /// Lets go of the tasks, and keeps their names.
    func release() {
        live.withLock { live in for number in live.tasks.keys { live.tasks[number]?.task = nil } }
    }

    /// Ever.
    var startedCount: Int { live.withLock { $0.next } }
    var names: [String] { inOrder.map(\.entry.name) }
    var waiting: [WaitingTask] { inOrder.map(\.entry.waiting) }
    var tasks: [Task<Void, Never>] { inOrder.compactMap(\.task) }

    private var inOrder: [Live] {
        live.withLock { live in live.tasks.sorted { $0.key < $1.key }.map(\.value) }
    }
}
