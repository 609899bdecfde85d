import Synchronization
import VirtualMedia

/// A value that will be there once; any number may wait for it, each as long as it likes.
final class Promise<Value: Sendable>: Sendable {
    private typealias Waiter = CheckedContinuation<Value?, Never>
    private struct State {
        var value: Value?
        var waiters: [Int: Waiter] = [:]
        var next = 0
        /// Waiters whose deadline passed before they had begun to wait.
        var passed: Set<Int> = []
    }
    private let state = Mutex(State())

    var settled: Value? { state.withLock { $0.value } }

    /// The first value counts.
    func settle(_ value: Value) {
        let waiters: [Waiter] = state.withLock { state in
            guard state.value == nil else { return [] }
            state.value = value
            defer { state.waiters = [:] }
            return state.waiters.sorted { $0.key < $1.key }.map(\.value)
        }
        for waiter in waiters { waiter.resume(returning: value) }
    }

    /// For what is certain to come.
    func value() async -> Value? {
        await withCheckedContinuation { waiter in
            let now = state.withLock { state in
                guard state.value == nil else { return state.value }
                state.next += 1
                state.waiters[state.next] = waiter
                return nil
            }
            if let now { waiter.resume(returning: now) }
        }
    }

    /// - Returns: `nil` when it is not there at the deadline.
    func value(until deadline: Duration, _ clock: any MediaClock, _ spawner: any Spawner) async -> Value? {
        if let settled { return settled }
        let ticket = state.withLock { state in
            state.next += 1
            return state.next
        }
        let timer = spawner.spawn("deadline", .shared) { [weak self] in
            do throws(CancellationError) { try await clock.sleep(until: deadline) } catch {}
            self?.giveUp(ticket)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { waiter in
            let now: Value?? = state.withLock { state in
                if let value = state.value { return .some(value) }
                guard !state.passed.contains(ticket) else { return .some(nil) }
                state.waiters[ticket] = waiter
                return nil
            }
            if let now { waiter.resume(returning: now) }
        }
    }

    private func giveUp(_ ticket: Int) {
        let waiter: Waiter? = state.withLock { state in
            guard let waiter = state.waiters.removeValue(forKey: ticket) else {
                if state.value == nil { state.passed.insert(ticket) }
                return nil
            }
            return waiter
        }
        waiter?.resume(returning: nil)
    }
}
