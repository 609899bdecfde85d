package import RunLog
package import VirtualMedia

extension Scenario {
    /// What is promised in every run, whatever goes wrong. All are watched unless a scenario switches one
    /// off and says why.
    package enum Invariant: String, Sendable, CaseIterable {
        /// A read that succeeds returns the bytes of the medium at that place.
        case data
        /// What cannot be read fails, with sense data that says why; nothing is filled with zeroes.
        case explicitErrors = "explicit-errors"
        /// Every command, call and state ends within its deadline; one Completion per accepted request.
        case bounded
        /// After the heal all views of each slot agree.
        case convergence
        /// Of a slot that is not mounted nothing is left.
        case leftovers
        /// No secret in a log, argument, property, error or artefact.
        case secrets
        /// Writes to a protected medium fail, and the store's bytes stay.
        case readOnly = "read-only"
        /// What was flushed survives; a write that fails is told of, on it or on the next flush.
        case durability
        /// What befalls one slot does not change another.
        case isolation
        /// Each new medium is announced once to the host, and no block of the old one is served.
        case mediumChange = "medium-change"
        /// Only legal transitions; a refused request has no effect.
        case transitions
        /// No success is told unless the host can read the first and the last block.
        case truth
        /// What comes of a fault is what is expected of it: see ``FaultExpectation``.
        case expectations
        /// Each planned fault fired.
        case faultsFired = "faults-fired"
    }

    /// How the run must end.
    package struct Expectation: Equatable, Sendable {
        /// Anything but `passed` is for scenarios that prove the rig itself.
        package var verdict = RunVerdict.passed
        /// Names of violations, or the beginnings of names, of which at least one must occur; for a
        /// verdict other than `passed`.
        package var violations: [String] = []
        /// The codes with which requests may complete; `nil` leaves that to the steps.
        package var completions: [CompletionCode]?
        package var limits = Limits()
        package init() {}
    }

    /// Counts over the whole run; `nil` sets no limit.
    package struct Limits: Equatable, Sendable {
        /// Resets of the bus or of the device that the host had to resort to.
        package var hostResets: Int?
        /// Times that the host enumerated a device of the slots.
        package var enumerations: Int?
        /// Reads and writes of the host that failed.
        package var failedReads: Int?
        package var failedWrites: Int?
        /// The longest that one command of the host took.
        package var slowestCommand: Duration?
        /// Requests to the store.
        package var storeRequests: Int?
        /// The host must have read and compared at least so many bytes.
        package var provenByteCount: UInt64?
        package init() {}
    }
}
