/// Slows down those who try passwords: per address, with a bounded memory.
struct LoginThrottle {
    /// Wrong passwords from one address before it has to wait.
    var freeFailures = 20
    /// One wrong password is forgiven after each such time.
    var forgiveness = Duration.seconds(6)

    private var entries: [String: Entry] = [:]
    private struct Entry {
        /// The moment at which all is forgiven.
        var clearAt: Duration
    }

    /// How long this address has to wait before another try; `nil` if not at all.
    func wait(of address: String, at now: Duration) -> Duration? {
        guard let entry = entries[address] else { return nil }
        let allowed = entry.clearAt - forgiveness * freeFailures
        return now < allowed ? allowed - now : nil
    }

    mutating func noteFailure(from address: String, at now: Duration) {
        if entries.count >= RedfishLimits.throttledAddresses {
            entries = entries.filter { $0.value.clearAt > now }
            // Full of those who are being slowed down: the newest waits with nobody's memory spent on it.
            guard entries.count < RedfishLimits.throttledAddresses || entries[address] != nil else { return }
        }
        let start = max(now, entries[address]?.clearAt ?? now)
        entries[address] = Entry(clearAt: start + forgiveness)
    }
}
