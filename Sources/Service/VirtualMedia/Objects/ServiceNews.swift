/// What a service tells its process, for a log or a supervisor.
package enum ServiceNews: Equatable, Sendable {
    /// The bus name is ours, and what an earlier process left is gone.
    case serving
    case slot(String, SlotNotice)
}

/// What a new configuration did to one slot.
package struct SlotChange: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case added, removed, changed
        /// Something is mounted, or on its way: the old configuration stays until the next reload.
        case inUse = "in use"
    }

    package let slot: String
    package let kind: Kind

    package init(_ slot: String, _ kind: Kind) {
        self.slot = slot
        self.kind = kind
    }
}
