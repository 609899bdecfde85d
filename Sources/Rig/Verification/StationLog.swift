import VirtualMedia

/// Notes each station as it is passed, with the time since the one before.
struct StationLog {
    private let clock: any MediaClock
    private var last: Duration
    private(set) var stations: [Station] = []

    init(clock: any MediaClock) {
        self.clock = clock
        last = clock.now
    }

    mutating func note(_ name: String, _ outcome: Station.Outcome, _ detail: String) {
        let now = clock.now
        stations.append(
            Station(
                name: name, outcome: outcome, detail: detail, milliseconds: (now - last) / .milliseconds(1)))
        last = now
    }

    var hasFailed: Bool { stations.contains { $0.outcome == .failed } }
}
