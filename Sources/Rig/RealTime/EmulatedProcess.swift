import Synchronization
internal import VirtualMedia

/// An operating system process as far as others can tell, inside this one: tasks that can be stopped and killed
/// from outside, all together, whatever they are doing.
///
/// Its shared tasks take turns on one thread; those that may block have one each. The tasks of a process that
/// was killed are never freed: nothing of them runs any more, nor is their cleaning up carried out.
final class EmulatedProcess: Sendable {
    private struct Life {
        var isAlive = true
        var isPaused = false
        var atDeath: [@Sendable () -> Void] = []
        var threads: [ObjectIdentifier: ProcessThread] = [:]
    }

    let name: String
    private let main: ProcessThread
    private let life = Mutex(Life())

    init(_ name: String) {
        self.name = name
        guard let main = ProcessThread(name, standing: .running, mayBlock: false, successor: nil) else {
            preconditionFailure("no thread left for \(name)")
        }
        self.main = main
        life.withLock { $0.threads[ObjectIdentifier(main)] = main }
    }

    var isAlive: Bool { life.withLock { $0.isAlive } }
    var spawner: ProcessSpawner { ProcessSpawner(process: self) }

    /// As SIGKILL. What runs at this moment goes on to where it next waits; calls that it has under way in the
    /// world go on to their end there.
    func kill() {
        let endings = life.withLock { life -> [@Sendable () -> Void]? in
            guard life.isAlive else { return nil }
            life.isAlive = false
            for thread in life.threads.values { thread.set(.dead) }
            life.threads = [:]
            defer { life.atDeath = [] }
            return life.atDeath
        }
        for ending in endings ?? [] { ending() }
    }

    /// As SIGSTOP: nothing of it begins any more; its timers go on.
    func pause() { set(isPaused: true) }
    /// As SIGCONT.
    func resume() { set(isPaused: false) }

    private func set(isPaused: Bool) {
        life.withLock { life in
            guard life.isAlive, life.isPaused != isPaused else { return }
            life.isPaused = isPaused
            for thread in life.threads.values { thread.set(isPaused ? .paused : .running) }
        }
    }

    /// Calls `body` when the process dies, after those registered before; at once when it has died. Here the
    /// world closes what the process had open.
    func atDeath(_ body: @escaping @Sendable () -> Void) {
        let isLate = life.withLock { life in
            if life.isAlive { life.atDeath.append(body) }
            return !life.isAlive
        }
        if isLate { body() }
    }

    /// Before each call into the world: a thread that was in a system call when the process died would else do
    /// one more thing. Never returns to a dead process.
    func mustLive() async {
        if isAlive { return }
        await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
    }

    // MARK: Tasks

    enum Place {
        case thread(ProcessThread, isOwn: Bool)
        /// No task of a dead process ever begins.
        case nowhere
        case noThreadLeft
    }

    func place(_ name: String, _ placement: TaskPlacement) -> Place {
        life.withLock { life in
            guard life.isAlive else { return .nowhere }
            guard case .ownThread = placement else { return .thread(main, isOwn: false) }
            let thread = ProcessThread(
                name, standing: life.isPaused ? .paused : .running, mayBlock: true, successor: main)
            guard let thread else { return .noThreadLeft }
            life.threads[ObjectIdentifier(thread)] = thread
            return .thread(thread, isOwn: true)
        }
    }

    func ended(_ thread: ProcessThread) {
        life.withLock { _ = $0.threads.removeValue(forKey: ObjectIdentifier(thread)) }
        thread.finish()
    }
}

/// Starts tasks of one process.
struct ProcessSpawner: Spawner {
    let process: EmulatedProcess

    @discardableResult
    func spawn(
        _ name: String, _ placement: TaskPlacement, _ body: @escaping @Sendable () async -> Void
    ) -> any SpawnedTask {
        guard let task = spawnIfPossible(name, placement, body) else {
            preconditionFailure("no thread left for \(name)")
        }
        return task
    }

    func spawnIfPossible(
        _ name: String, _ placement: TaskPlacement, _ body: @escaping @Sendable () async -> Void
    ) -> (any SpawnedTask)? {
        switch process.place(name, placement) {
        case .nowhere: return NeverBegun()
        case .noThreadLeft: return nil
        case .thread(let thread, let isOwn):
            let task = Task(name: name, executorPreference: thread) { await body() }
            if isOwn {
                // The one who waits does so elsewhere, so that the thread's last job is the body's own.
                Task { [process] in
                    await task.value
                    process.ended(thread)
                }
            }
            return Begun(task: task)
        }
    }

    private struct Begun: SpawnedTask {
        let task: Task<Void, Never>
        func cancel() { task.cancel() }
        func finished() async { await task.value }
    }

    private struct NeverBegun: SpawnedTask {
        func cancel() {}
        func finished() async { await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
    }
}
