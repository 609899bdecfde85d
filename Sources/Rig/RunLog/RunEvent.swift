/// A lane of a run's timeline: one part of the path, from the store to the host.
package enum Lane: String, Codable, Sendable, CaseIterable {
    case scenario, fault, store, network, server, process, dbus, slot, nbd, uevent, configfs, usb, host
    case invariant
}

/// Something that happened in a run. The order of events is the order of their numbers.
package struct RunEvent: Codable, Equatable, Sendable {
    /// Counted from 0.
    package var number: Int
    /// Since the start of the run.
    package var nanoseconds: Int64
    package var lane: Lane
    /// "Slot_0"; `nil` where it concerns none or all.
    package var slot: String?
    /// What happened, in few words without figures, so that equal events have equal names:
    /// "read", "state Active", "fault http.status".
    package var name: String
    /// The rest, in words.
    package var detail: String?
    /// Bytes of the image concerned, and how they ended.
    package var range: ByteRange?
    /// How long it took, for events that end something.
    package var latencyNanoseconds: Int64?
    /// False for what failed.
    package var hasSucceeded: Bool

    package struct ByteRange: Codable, Equatable, Sendable {
        package var start: UInt64
        package var end: UInt64
        package init(_ range: Range<UInt64>) {
            start = range.lowerBound
            end = range.upperBound
        }
    }

    package init(
        number: Int, at time: Duration, _ lane: Lane, slot: String? = nil, _ name: String,
        detail: String? = nil, range: Range<UInt64>? = nil, latency: Duration? = nil,
        hasSucceeded: Bool = true
    ) {
        self.number = number
        nanoseconds = time.wholeNanoseconds
        self.lane = lane
        self.slot = slot
        self.name = name
        self.detail = detail
        self.range = range.map(ByteRange.init)
        latencyNanoseconds = latency?.wholeNanoseconds
        self.hasSucceeded = hasSucceeded
    }

    package var time: Duration { .nanoseconds(nanoseconds) }
}

extension Duration {
    /// Rounded down; durations of runs are far from the limits of 64 bits (292 years).
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
