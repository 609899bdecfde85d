import Synchronization

/// The tasks of a run that have not ended, by name.
final class TaskRegistry: Sendable {
    private struct Live {
        var name: String
        var process: Int
        var task: Task<Void, Never>?
    }

    /// By number of start; numbers grow, so sorted keys are the order of starting.
    private let live = Mutex<(next: Int, tasks: [Int: Live])>((0, [:]))

    func start(_ name: String, in process: Int) -> Int {
        live.withLock { live in
            live.next += 1
            live.tasks[live.next] = Live(name: name, process: process, task: nil)
            return live.next
        }
    }

    func attach(_ task: Task<Void, Never>, to number: Int) {
        live.withLock { $0.tasks[number]?.task = task }
    }

    func end(_ number: Int) { live.withLock { _ = $0.tasks.removeValue(forKey: number) } }

    /// The tasks of a dead process end no more, and nobody waits for them.
    func forget(process: Int) {
        live.withLock { live in live.tasks = live.tasks.filter { $0.value.process != process } }
    }

    /// Lets go of the tasks, and keeps their names.
    func release() {
        live.withLock { live in for number in live.tasks.keys { live.tasks[number]?.task = nil } }
    }

    var names: [String] { inOrder.map(\.name) }
    var tasks: [Task<Void, Never>] { inOrder.compactMap(\.task) }

    private var inOrder: [Live] {
        live.withLock { live in live.tasks.sorted { $0.key < $1.key }.map(\.value) }
    }
}
