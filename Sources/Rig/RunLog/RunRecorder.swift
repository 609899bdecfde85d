import Synchronization

/// Collects the events of one run. Any thread may call it; in a simulation there is only one.
package final class RunRecorder: Sendable {
    /// Events kept; later ones are counted only.
    package static let maximumEvents = 200_000
    /// Of these, operations of the layers: what is said and decided has its room in any case.
    package static let maximumTraffic = 100_000

    private struct State {
        var events: [RunEvent] = []
        var count = 0
        /// Operations of the layers that were kept.
        var trafficCount = 0
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
                number: state.count + state.trafficCount, at: time, lane, slot: slot, name, detail: detail,
                range: range,
                latency: latency, hasSucceeded: hasSucceeded)
            state.count += 1
            state.countByName[name, default: 0] += 1
            if state.events.count - state.trafficCount < maximumEvents { state.events.append(event) }
            note(event)
        }
        if let observer, lane != .fault, lane != .invariant { observer(name, slot, time) }
    }

    /// Whether there is any use in telling of traffic.
    package var keepsTraffic: Bool { maximumEvents > 0 }

    /// An operation of a layer, for the lanes of the timeline. It is kept with the events, and nothing else: it
    /// is not counted, not hashed, and no fault hears of it, so that a run is the same with and without.
    package func recordTraffic(
        _ lane: Lane, slot: String? = nil, _ name: String, detail: String? = nil, range: Range<UInt64>? = nil
    ) {
        let time = now()
        state.withLock { state in
            guard !state.isClosed, state.trafficCount < min(Self.maximumTraffic, maximumEvents) else {
                return
            }
            state.events.append(
                RunEvent(
                    number: state.count + state.trafficCount, at: time, lane, slot: slot, name,
                    detail: detail,
                    range: range))
            state.trafficCount += 1
        }
    }

    /// What happens from now on is not part of the run.
    package func close() { state.withLock { $0.isClosed = true } }

    /// How many events of that name there were so far, kept or not.
    package func count(of name: String) -> Int { state.withLock { $0.countByName[name] ?? 0 } }

    package var events: [RunEvent] { state.withLock { $0.events } }
    package var omittedEventCount: Int { state.withLock { $0.count - ($0.events.count - $0.trafficCount) } }
}
