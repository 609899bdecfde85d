package import VirtualMedia

/// The kernel's uevent multicast group: numbers events and hands them to every listener.
final class UeventStream {
    /// What a listener may leave unread; later events are lost to it, as with a full socket buffer.
    static let maximumUnread = 1024

    private let timers: KernelTimers
    private var lastSequenceNumber: UInt64 = 0
    private var listeners: [AsyncStream<Uevent>.Continuation] = []
    private var faults: [UeventFault] = []
    /// How often each fault has matched an event.
    private var matches: [Int] = []
    /// How many events were tampered with; a plan that never fired proves nothing.
    private(set) var firedCount = 0

    init(timers: KernelTimers) { self.timers = timers }

    func listen() -> AsyncStream<Uevent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Uevent.self, bufferingPolicy: .bufferingOldest(Self.maximumUnread))
        listeners.append(continuation)
        return stream
    }

    func inject(_ fault: UeventFault) {
        faults.append(fault)
        matches.append(0)
    }

    func emit(_ action: String, _ devicePath: String, subsystem: String, _ properties: [String]) {
        lastSequenceNumber += 1
        let event = Uevent(
            action: action, devicePath: devicePath, subsystem: subsystem,
            sequenceNumber: lastSequenceNumber, properties: properties)
        switch effect(on: event) {
        case nil: deliver(event)
        case .drop: break
        case .duplicate:
            deliver(event)
            deliver(event)
        case .delay(let duration):
            timers.schedule(at: timers.now + duration) { [weak self] in self?.deliver(event) }
        }
    }

    func finish() {
        for listener in listeners { listener.finish() }
        listeners = []
    }

    private func deliver(_ event: Uevent) {
        listeners.removeAll { listener in
            if case .terminated = listener.yield(event) { true } else { false }
        }
    }

    private func effect(on event: Uevent) -> UeventFault.Effect? {
        var found: UeventFault.Effect?
        for (index, fault) in faults.enumerated() where fault.concerns(event) {
            matches[index] += 1
            if found == nil && fault.occurrences.contains(matches[index]) { found = fault.effect }
        }
        if found != nil { firedCount += 1 }
        return found
    }
}

/// Loses, repeats or delays some uevents. A delay also reorders.
package struct UeventFault: Sendable {
    package enum Effect: Equatable, Sendable {
        case drop, duplicate
        case delay(Duration)
    }
    /// `nil` concerns every subsystem: "block", "udc", "gadget".
    package var subsystem: String?
    /// Which of the events concerned, counted from 1 at the injection.
    package var occurrences: ClosedRange<Int>
    package var effect: Effect

    package init(subsystem: String? = nil, occurrences: ClosedRange<Int>, effect: Effect) {
        self.subsystem = subsystem
        self.occurrences = occurrences
        self.effect = effect
    }

    fileprivate func concerns(_ event: Uevent) -> Bool { subsystem == nil || subsystem == event.subsystem }
}

extension Uevent {
    /// The netlink message of the kernel: a header, then NUL-terminated strings.
    ///
    ///     | "change@/devices/…" NUL | "ACTION=change" NUL | "DEVPATH=…" NUL | … | "SEQNUM=671" NUL |
    package var kernelMessage: [UInt8] {
        let strings =
            [
                "\(action)@\(devicePath)", "ACTION=\(action)", "DEVPATH=\(devicePath)",
                "SUBSYSTEM=\(subsystem)",
            ]
            + properties + ["SEQNUM=\(sequenceNumber)"]
        return strings.flatMap { Array($0.utf8) + [0] }
    }
}
