import Synchronization
internal import VirtualMedia

/// Wakes whoever waits for something of a run to change.
final class ChangeBell: Sendable {
    private struct State {
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextTicket: UInt64 = 0
        /// Rings so far; a waiter that has missed one does not wait.
        var rings: UInt64 = 0
        var expired: Set<UInt64> = []
    }

    private let state = Mutex(State())
    private let clock: any MediaClock
    private let spawner: any Spawner

    init(clock: any MediaClock, spawner: any Spawner) {
        self.clock = clock
        self.spawner = spawner
    }

    var rings: UInt64 { state.withLock { $0.rings } }

    func ring() {
        let waiting = state.withLock { state in
            state.rings += 1
            defer { state.waiting = [:] }
            return state.waiting.sorted { $0.key < $1.key }.map(\.value)
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Returns once the bell has rung after ring number `seen`, or at the deadline.
    func wait(after seen: UInt64, until deadline: Duration) async {
        guard rings == seen, clock.now < deadline else { return }
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        let clock = clock
        let alarm = spawner.spawn("bell deadline", .shared) { [self] in
            do { try await clock.sleep(until: deadline) } catch { return }
            expire(ticket)
        }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state -> Bool in
                guard state.rings == seen, state.expired.remove(ticket) == nil else { return true }
                state.waiting[ticket] = continuation
                return false
            }
            if isOver { continuation.resume() }
        }
        alarm.cancel()
        state.withLock { _ = $0.expired.remove(ticket) }
    }

    private func expire(_ ticket: UInt64) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if let waiter = state.waiting.removeValue(forKey: ticket) { return waiter }
            state.expired.insert(ticket)
            return nil
        }
        waiter?.resume()
    }
}

/// Gives up waiting for something at a deadline; what was waited for is cancelled.
final class PatientCall<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var isOver = false
        var waiting: CheckedContinuation<Value?, Never>?
    }
    private let state = Mutex(State())

    private init() {}

    /// - Returns: `nil` when the body has not ended in time.
    static func run(
        _ name: String, within limit: Duration, clock: any MediaClock, spawner: any Spawner,
        _ body: @escaping @Sendable () async -> Value
    ) async -> Value? {
        let call = PatientCall()
        let deadline = clock.now + limit
        let work = spawner.spawn(name, .shared) { call.finish(await body()) }
        let alarm = spawner.spawn("\(name) deadline", .shared) {
            do { try await clock.sleep(until: deadline) } catch { return }
            call.finish(nil)
        }
        let value = await withCheckedContinuation { continuation in call.wait(continuation) }
        work.cancel()
        alarm.cancel()
        return value
    }

    private func wait(_ continuation: CheckedContinuation<Value?, Never>) {
        let isOver = state.withLock { state in
            if !state.isOver { state.waiting = continuation }
            return state.isOver
        }
        if isOver { continuation.resume(returning: state.withLock { $0.value }) }
    }

    private func finish(_ value: Value?) {
        let waiting = state.withLock { state -> CheckedContinuation<Value?, Never>? in
            guard !state.isOver else { return nil }
            state.isOver = true
            state.value = value
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: value)
    }
}
