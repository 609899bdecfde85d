/// How a slot decides: its limits, and what its machine does about each event.
///
/// A service has ``asDesigned``; a rig that wants to see whether it would find a mistake in them hands
/// over others. No configuration reaches this.
package struct SlotDecisions: Sendable {
    package var limits: @Sendable (SlotConfiguration) -> SlotMachine.Limits
    package var handle:
        @Sendable (inout SlotMachine, SlotMachine.Event, _ now: Duration) -> [SlotMachine.Effect]

    package init(
        limits: @escaping @Sendable (SlotConfiguration) -> SlotMachine.Limits,
        handle:
            @escaping @Sendable (inout SlotMachine, SlotMachine.Event, _ now: Duration) ->
            [SlotMachine.Effect]
    ) {
        self.limits = limits
        self.handle = handle
    }

    package static let asDesigned = SlotDecisions(
        limits: { SlotMachine.Limits($0) }, handle: { machine, event, now in machine.handle(event, at: now) })
}
