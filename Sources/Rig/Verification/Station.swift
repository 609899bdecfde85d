/// One station of the path from the store to the host, as the report shows it.
package struct Station: Codable, Equatable, Sendable {
    package enum Outcome: String, Codable, Sendable {
        case passed
        case failed
        case skipped
    }

    /// "NBD server", "USB gadget"
    package let name: String
    package let outcome: Outcome
    /// What was found there, or what went wrong and what to do.
    package let detail: String
    package let milliseconds: Double

    package init(name: String, outcome: Outcome, detail: String, milliseconds: Double) {
        self.name = name
        self.outcome = outcome
        self.detail = detail
        self.milliseconds = milliseconds
    }
}
