internal import LinuxPlatform
internal import Threads
internal import VirtualMedia

/// The system's monotonic clock, counted from the start of a run: scenarios and faults name times so.
struct RunClock: MediaClock {
    /// On the system's monotonic clock.
    let startedAt: Duration

    init() { startedAt = Monotonic.now }

    var now: Duration { Monotonic.now - startedAt }

    func sleep(until deadline: Duration) async throws(CancellationError) {
        try await SystemClock().sleep(until: startedAt + deadline)
    }
}
