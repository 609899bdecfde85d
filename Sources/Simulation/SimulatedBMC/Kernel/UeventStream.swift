import FaultPoints
package import VirtualMedia

/// The kernel's uevent multicast group: numbers events and hands them to every listener.
final class UeventStream {
    /// What a listener may leave unread; later events are lost to it, as with a full socket buffer.
    static let maximumUnread = 1024
    /// How long an event that others shall pass waits for them.
    static let maximumLag = Duration.seconds(1)

    static let carriedOut = FaultTable(
        .uevent, ["add", "remove", "change", "bind", "unbind", "move", "online", "offline"],
        [
            "delay", "hold", "drop", "duplicate", "reorder", "spurious", "burst", "overflow", "garbage",
        ])

    private let timers: KernelTimers
    private let faults: KernelFaults
    private var lastSequenceNumber: UInt64 = 0
    private var listeners: [AsyncStream<Uevent>.Continuation] = []
    private var overtaken: [Overtaken] = []
    /// Until when the socket's buffer is full.
    private var overflowEnd = Duration.zero

    private final class Overtaken {
        let event: Uevent
        var lag: Int
        var timer: KernelTimers.TimerID?
        init(_ event: Uevent, lag: Int) {
            self.event = event
            self.lag = lag
        }
    }

    init(timers: KernelTimers, faults: KernelFaults) {
        self.timers = timers
        self.faults = faults
    }

    func listen() -> AsyncStream<Uevent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Uevent.self, bufferingPolicy: .bufferingOldest(Self.maximumUnread))
        listeners.append(continuation)
        return stream
    }

    /// - Parameter slot: whose event it is, if anybody's.
    func emit(
        _ action: String, _ devicePath: String, subsystem: String, slot: String? = nil,
        _ properties: [String]
    ) {
        let event = numbered(action, devicePath, subsystem: subsystem, properties)
        let met = faults.meet(.uevent, action, on: devicePath, slot: slot)
        guard !met.isEmpty else { return deliver(event) }
        send(event, under: met)
    }

    func finish() {
        for listener in listeners { listener.finish() }
        listeners = []
        overtaken = []
    }

    private func numbered(
        _ action: String, _ devicePath: String, subsystem: String, _ properties: [String]
    ) -> Uevent {
        lastSequenceNumber += 1
        return Uevent(
            action: action, devicePath: devicePath, subsystem: subsystem,
            sequenceNumber: lastSequenceNumber, properties: properties)
    }

    private func send(_ event: Uevent, under met: MetFaults) {
        if let window = met.time("overflow") {
            overflowEnd = max(overflowEnd, timers.now + window)
            // With no window it is this event alone.
            if window == .zero { return }
        }
        if !met.isDropped {
            let shown = met.special("garbage").map { garbage(of: event, $0) } ?? event
            faults.afterWaiting(met) { [self] in
                for _ in 0...met.copies {
                    if met.lag > 0 { overtake(shown, met.lag) } else { deliver(shown) }
                }
            }
        }
        if met.special("spurious") != nil { deliverStranger() }
        for _ in 0..<max(0, met.special("burst") ?? 0) {
            deliver(
                numbered(
                    event.action, event.devicePath, subsystem: event.subsystem, event.properties))
        }
    }

    private func deliver(_ event: Uevent) {
        let isLost = timers.now < overflowEnd
        if !isLost {
            listeners.removeAll { listener in
                if case .terminated = listener.yield(event) { true } else { false }
            }
        }
        guard !overtaken.isEmpty else { return }
        for waiting in overtaken { waiting.lag -= 1 }
        let due = overtaken.filter { $0.lag <= 0 }
        overtaken.removeAll { $0.lag <= 0 }
        for waiting in due { letGo(waiting) }
    }

    private func overtake(_ event: Uevent, _ lag: Int) {
        let waiting = Overtaken(event, lag: lag)
        overtaken.append(waiting)
        waiting.timer = timers.schedule(at: timers.now + Self.maximumLag) { [weak self, weak waiting] in
            guard let self, let waiting, self.overtaken.contains(where: { $0 === waiting }) else { return }
            self.overtaken.removeAll { $0 === waiting }
            self.letGo(waiting)
        }
    }

    private func letGo(_ waiting: Overtaken) {
        if let timer = waiting.timer { timers.cancel(timer) }
        waiting.timer = nil
        deliver(waiting.event)
    }

    /// Of a device that has nothing to do with media.
    private func deliverStranger() {
        deliver(
            numbered(
                "change", "/devices/virtual/block/loop7", subsystem: "block",
                ["MAJOR=7", "MINOR=7", "DEVNAME=loop7", "DEVTYPE=disk"]))
    }

    /// What a broken driver or a forged sender may send in the place of an event.
    private func garbage(of event: Uevent, _ kind: Int64) -> Uevent {
        var odd = event
        switch kind {
        case 1:
            odd.action = ""
            odd.devicePath = ""
            odd.subsystem = ""
            odd.properties = []
        case 2:
            odd.devicePath = "/devices/virtual/block/nbd10"
            odd.properties = ["MAJOR=43", "MINOR=320", "DEVNAME=nbd10", "DEVTYPE=disk"]
        default:
            odd.properties = ["", "=", "MAJOR", "MINOR=-1", "DEVNAME=", "DEVNAME=../../etc", "DISKSEQ=x"]
        }
        return odd
    }
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
