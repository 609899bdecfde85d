import FaultPoints
import Synchronization
import VirtualMedia

/// The waiting that faults demand of one connection: until it is over, or the connection is.
final class Patience: Sendable {
    private struct State {
        var next = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var timers: [Int: any SpawnedTask] = [:]
        var isOver = false
    }
    private let state = Mutex(State())
    private let name: String
    private let surroundings: NetworkSurroundings

    init(_ name: String, _ surroundings: NetworkSurroundings) {
        self.name = name
        self.surroundings = surroundings
    }

    /// Waits for what an action demands, if it demands waiting.
    ///
    /// - Returns: `nil` for another action; else whether the connection still lives.
    func wait(for action: FaultAction) async -> Bool? {
        switch action {
        case .delay(let span): await wait(span)
        case .hold(let hold): await wait(hold)
        default: nil
        }
    }

    func wait(_ hold: FaultHold) async -> Bool {
        await wait { number in hold.whenReleased { [weak self] in self?.resume(number) } }
    }

    func wait(_ span: Duration) async -> Bool {
        let clock = surroundings.clock
        let end = clock.now + span
        return await wait { number in
            let timer = surroundings.spawner.spawn("\(name) delay", .shared) { [weak self] in
                do { try await clock.sleep(until: end) } catch { return }
                self?.resume(number)
            }
            let isOver = state.withLock { state in
                if !state.isOver { state.timers[number] = timer }
                return state.isOver
            }
            if isOver { timer.cancel() }
        }
    }

    /// Every wait, now and later, ends at once.
    func end() {
        let (waiting, timers) = state.withLock { state in
            state.isOver = true
            defer { (state.waiting, state.timers) = ([:], [:]) }
            return (
                state.waiting.sorted { $0.key < $1.key }.map(\.value),
                state.timers.sorted { $0.key < $1.key }.map(\.value)
            )
        }
        for timer in timers { timer.cancel() }
        for continuation in waiting { continuation.resume() }
    }

    private func wait(_ start: (Int) -> Void) async -> Bool {
        await withCheckedContinuation { continuation in
            let number = state.withLock { state -> Int? in
                guard !state.isOver else { return nil }
                state.next += 1
                state.waiting[state.next] = continuation
                return state.next
            }
            if let number { start(number) } else { continuation.resume() }
        }
        return state.withLock { !$0.isOver }
    }

    private func resume(_ number: Int) {
        let continuation = state.withLock { state in
            state.timers[number] = nil
            return state.waiting.removeValue(forKey: number)
        }
        continuation?.resume()
    }
}
