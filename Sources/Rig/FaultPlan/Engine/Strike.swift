package import FaultPoints

/// A fault that happens by itself; a world carries it out.
package struct Strike: Equatable, Sendable {
    package enum Phase: String, Equatable, Sendable {
        case begin
        /// What lasted is over: plug the cable in again.
        case end
    }

    package var identifier: String
    package var kind: String
    package var parameters: FaultParameters
    /// The slot of its selector, or of the occasion or event that set it off.
    package var slot: String?
    package var phase: Phase
    package var time: Duration
    /// When it ends by itself; `nil` for one that is over at once, or lasts until the heal.
    package var end: Duration?
}

/// One firing, for the log.
package struct FaultFiring: Sendable {
    package var fault: Fault
    /// What met it; `nil` for a strike set off by time, an event or a state.
    package var occasion: FaultOccasion?
    /// Empty for a strike.
    package var actions: [FaultAction]
    package var strike: Strike?
    package var time: Duration
}
