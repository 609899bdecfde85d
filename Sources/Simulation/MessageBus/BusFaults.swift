package import DBusProtocol
package import FaultPoints
package import VirtualMedia

extension MessageBus {
    /// What this bus can be made to do wrong: operation "call", "return", "error" or "signal".
    package static let carriedOut =
        FaultTable(
            .dbus, ["call", "return", "error", "signal"],
            ["delay", "hold", "drop", "duplicate", "reorder", "disconnect"])
        + FaultTable(.dbus, ["call", "return", "error"], ["disconnect-receiver"])
        + FaultTable(.dbus, ["call"], ["fail", "access-denied", "no-reply", "limits"])

    /// A bus on an injected clock: its delays and timeouts are tasks of the spawner.
    package convenience init(_ core: BusCore, clock: any MediaClock, spawner: any Spawner) {
        self.init(core) { duration, action in
            let deadline = clock.now + duration
            spawner.spawn("bus timer", .shared) {
                do { try await clock.sleep(until: deadline) } catch { return }
                action()
            }
        }
    }

    /// Asks about every message from here on. The target is "interface.member", for a reply that of
    /// its call; the slot is the last part of the path.
    ///
    /// - Parameter watching: is shown each message first, whatever becomes of it.
    package func intercept(
        with faults: any FaultInjector, clock: any MediaClock,
        watching: (@Sendable (Envelope) -> Void)? = nil
    ) {
        guard !(faults is NoFaults) || watching != nil else { return intercept(nil) }
        intercept { envelope, answered in
            watching?(envelope)
            let header = envelope.header
            let operation = Self.operation(header.kind)
            let path = answered?.path ?? header.path ?? ""
            let occasion = FaultOccasion(
                .dbus, operation, on: answered?.target ?? BusCore.target(of: header),
                slot: Self.slot(path), at: clock.now)
            let actions = faults.meet(occasion)
            Self.carriedOut.check(actions, on: operation, of: .dbus)
            return Self.verdict(actions)
        }
    }

    private static func operation(_ kind: Message.Kind) -> String {
        switch kind {
        case .methodCall: "call"
        case .methodReturn: "return"
        case .error: "error"
        case .signal: "signal"
        }
    }

    /// ".../VirtualMedia/Legacy/Slot_0" is of "Slot_0".
    private static func slot(_ path: String) -> String? {
        let parts = path.split(separator: "/")
        guard let place = parts.firstIndex(of: "VirtualMedia"), parts.count == place + 3 else { return nil }
        return String(parts[place + 2])
    }

    /// Waiting comes first; of several deeds the last one counts.
    private static func verdict(_ actions: [FaultAction]) -> BusCore.Verdict {
        var verdict = BusCore.Verdict.pass
        for action in actions { verdict = deed(action) ?? verdict }
        for action in actions.reversed() {
            switch action {
            case .delay(let time): verdict = .delay(time, then: verdict)
            case .hold(let hold): verdict = .hold(hold, then: verdict)
            case .special("no-reply", let milliseconds) where milliseconds > 0:
                verdict = .delay(.milliseconds(milliseconds), then: verdict)
            default: break
            }
        }
        return verdict
    }

    private static func deed(_ action: FaultAction) -> BusCore.Verdict? {
        switch action {
        case .drop: .drop
        case .duplicate: .duplicate
        case .reorder(let count): .reorder(behind: count)
        case .fail(let errno): .error(BusError(ErrorName.failed, "errno \(errno)"))
        case .special("access-denied", _): .error(BusError(ErrorName.accessDenied, "Rejected send message"))
        case .special("no-reply", _):
            .error(BusError(ErrorName.noReply, "Message did not receive a reply (timeout by message bus)"))
        case .special("limits", _):
            .error(
                BusError(
                    ErrorName.limitsExceeded,
                    "The maximum number of pending replies per connection has been reached"))
        case .special("disconnect", _): .cutSender
        case .special("disconnect-receiver", _): .cutReceiver
        default: nil
        }
    }
}
