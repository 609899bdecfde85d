internal import VirtualMedia

extension Weakness {
    /// Longer than any run.
    private static let forever = Duration.seconds(365 * 86_400)

    /// How slots decide with this weakness.
    var decisions: SlotDecisions {
        var decisions = SlotDecisions.asDesigned
        decisions.limits = { slot in limits(SlotMachine.Limits(slot)) }
        switch self {
        case .inactivityByUptime:
            decisions.handle = { machine, event, now in
                // The time of the last access is only known where the kernel keeps it, which it does not.
                machine.lastActivity = .zero
                return machine.handle(event, at: now)
            }
        case .lateEvent:
            decisions.handle = { machine, event, now in
                if case .finished(let ticket, let outcome) = event, let running = machine.runningTicket,
                    ticket != running
                {
                    return machine.handle(.finished(running, outcome), at: now)
                }
                return machine.handle(event, at: now)
            }
        case .noSweep:
            decisions.handle = { machine, event, now in
                Self.withoutSweep(machine.handle(event, at: now), &machine, now)
            }
        default: break
        }
        return decisions
    }

    private func limits(_ designed: SlotMachine.Limits) -> SlotMachine.Limits {
        var limits = designed
        switch self {
        case .noActivationDeadline: limits.activation = Self.forever
        case .ueventAtRemoval:
            limits.teardown = Self.forever
            limits.teardownStep = Self.forever
        case .noReconnect: (limits.stall, limits.error) = (.zero, .zero)
        case .inactivityOfNothing: limits.inactivity = limits.inactivity ?? .zero
        default: break
        }
        return limits
    }

    /// A sweep counts as done without being run.
    private static func withoutSweep(
        _ effects: [SlotMachine.Effect], _ machine: inout SlotMachine, _ now: Duration
    ) -> [SlotMachine.Effect] {
        effects.flatMap { effect -> [SlotMachine.Effect] in
            guard case .run(let ticket) = effect, ticket.step == .sweep else { return [effect] }
            return withoutSweep(machine.handle(.finished(ticket, .done), at: now), &machine, now)
        }
    }
}
