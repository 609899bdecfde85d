import Synchronization

/// Collects the events of one run. Any thread may call it; in a simulation there is only one.
package final class RunRecorder: Sendable {
    /// Events kept; later ones are counted only.
    package static let maximumEvents = 200_000

    private struct State {
        var events: [RunEvent] = []
        var count = 0
        var countByName: [String: Int] = [:]
        var isClosed = false
    }
    private let state = Mutex(State())
    private let maximumEvents: Int
    private let now: @Sendable () -> Duration
    private let note: @Sendable (RunEvent) -> Void
    private let observer: (@Sendable (_ name: String, _ slot: String?, _ time: Duration) -> Void)?

    /// - Parameters:
    ///   - now: time since the start of the run.
    ///   - note: is told each event, kept or not, in order: the trace hash of a simulation.
    ///   - observer: is told what happened, without a lock held, so that it may make more happen: faults that
    ///     wait for an event. Of faults and broken promises it is not told, so that no fault sets off itself.
    package init(
        maximumEvents: Int = RunRecorder.maximumEvents, now: @escaping @Sendable () -> Duration,
        note: @escaping @Sendable (RunEvent) -> Void = { _ in },
        observer: (@Sendable (_ name: String, _ slot: String?, _ time: Duration) -> Void)? = nil
    ) {
        self.maximumEvents = maximumEvents
        self.now = now
        self.note = note
        self.observer = observer
    }

    package func record(
        _ lane: Lane, slot: String? = nil, _ name: String, detail: String? = nil,
        range: Range<UInt64>? = nil, latency: Duration? = nil, hasSucceeded: Bool = true
    ) {
        let time = now()
        state.withLock { state in
            guard !state.isClosed else { return }
            let event = RunEvent(
                number: state.count, at: time, lane, slot: slot, name, detail: detail, range: range,
                latency: latency, hasSucceeded: hasSucceeded)
            state.count += 1
            state.countByName[name, default: 0] += 1
            if state.events.count < maximumEvents { state.events.append(event) }
            note(event)
        }
        if let observer, lane != .fault, lane != .invariant { observer(name, slot, time) }
    }

    /// What happens from now on is not part of the run.
    package func close() { state.withLock { $0.isClosed = true } }

    /// How many events of that name there were so far, kept or not.
    package func count(of name: String) -> Int { state.withLock { $0.countByName[name] ?? 0 } }

    package var events: [RunEvent] { state.withLock { $0.events } }
    package var omittedEventCount: Int { state.withLock { $0.count - $0.events.count } }
}
