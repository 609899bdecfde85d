package import VirtualMedia

extension Scenario {
    /// Something that is so, or is not so, at one moment. All parts that are given must hold, for each
    /// slot chosen; parts that are not given do not matter.
    package struct Condition: Equatable, Sendable {
        package var slot: SlotChoice
        package var state: SlotMachine.State?
        /// The host has the slot's device and a medium in it.
        package var isInserted: Bool?
        /// D-Bus, configfs, nbd and SCSI say the same of the slot.
        package var viewsAgree: Bool?
        /// Of the last request that completed.
        package var completion: CompletionCode?
        /// `LastErrorCause` of the slot.
        package var cause: CompletionCode?
        /// By name, on the interfaces of the slot's object: numbers and booleans as in JSON.
        package var properties: [String: String] = [:]
        /// Events of the run so far of that name ("state Active", "mark half-way"): at least so many.
        package var events: [String: Int] = [:]
        /// Faults, by identifier, that fired at least so often.
        package var fired: [String: Int] = [:]
        /// The background work of the slots is over.
        package var isWorkloadDone: Bool?
        /// Whether anything of a slot that is not mounted is left: process, socket, secret, nbd
        /// attachment, gadget.
        package var hasLeftovers: Bool?

        package init(
            _ slot: SlotChoice = .all, state: SlotMachine.State? = nil, isInserted: Bool? = nil,
            viewsAgree: Bool? = nil, completion: CompletionCode? = nil, cause: CompletionCode? = nil,
            isWorkloadDone: Bool? = nil, hasLeftovers: Bool? = nil
        ) {
            self.slot = slot
            self.state = state
            self.isInserted = isInserted
            self.viewsAgree = viewsAgree
            self.completion = completion
            self.cause = cause
            self.isWorkloadDone = isWorkloadDone
            self.hasLeftovers = hasLeftovers
        }

        /// How long a step waits for a condition that says nothing of it.
        package static let defaultPatience = Duration.seconds(60)
    }
}
