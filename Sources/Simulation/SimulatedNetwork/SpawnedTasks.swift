import Synchronization
import VirtualMedia

/// Tasks that end together: each is forgotten when it ends, and all can be cancelled and waited for.
final class SpawnedTasks: Sendable {
    private struct State {
        var next = 0
        var running: [Int: (any SpawnedTask)?] = [:]
        var waiting: [CheckedContinuation<Void, Never>] = []
        var isCancelled = false
    }
    private let state = Mutex(State())
    private let spawner: any Spawner

    init(_ spawner: any Spawner) { self.spawner = spawner }

    /// Once the others were cancelled, a task starts cancelled.
    func spawn(_ name: String, _ body: @escaping @Sendable () async -> Void) {
        let number = state.withLock { state in
            state.next += 1
            state.running[state.next] = .some(nil)
            return state.next
        }
        let task = spawner.spawn(name, .shared) { [self] in
            await body()
            ended(number)
        }
        let mustCancel = state.withLock { state in
            if state.running[number] != nil { state.running[number] = task }
            return state.isCancelled
        }
        if mustCancel { task.cancel() }
    }

    func cancelAll() {
        let tasks = state.withLock { state in
            state.isCancelled = true
            return state.running.sorted { $0.key < $1.key }.compactMap(\.value)
        }
        for task in tasks { task.cancel() }
    }

    /// Returns when none is left.
    func allEnded() async {
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                if !state.running.isEmpty { state.waiting.append(continuation) }
                return !state.running.isEmpty
            }
            if !mustWait { continuation.resume() }
        }
    }

    private func ended(_ number: Int) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.running[number] = nil
            guard state.running.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
