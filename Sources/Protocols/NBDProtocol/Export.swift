/// What a server offers under a name.
package struct Export: Equatable, Sendable {
    /// At most 4096 bytes of UTF-8. The empty name of a client stands for the first export.
    package var name: String
    package var description = ""
    package var byteCount: UInt64
    /// As advertised; DF is added for a client that has structured replies.
    package var flags: TransmissionFlags
    /// Powers of two in bytes (NBD protocol, "Block size constraints").
    package var minimumBlockBytes: UInt32 = 1
    package var preferredBlockBytes: UInt32 = 4096
    package var maximumPayloadBytes: UInt32 = 32 << 20

    /// - Precondition: the name keeps to the protocol's rules, the size to 2^63 - 1.
    package init(name: String, byteCount: UInt64, flags: TransmissionFlags) {
        precondition(ProtocolString.decode(Array(name.utf8)[...]) != nil, "not an export name: \(name)")
        precondition(byteCount <= UInt64(Int64.max), "\(byteCount) bytes cannot be exported")
        self.name = name
        self.byteCount = byteCount
        self.flags = flags.union(.hasFlags)
    }
}

/// What both sides agreed on in the handshake.
package struct Negotiated: Equatable, Sendable {
    package var export: Export
    package var hasStructuredReplies = false
    /// The client may ask for block status, and gets it for base:allocation.
    package var hasAllocationContext = false

    package init(export: Export) { self.export = export }
}

/// The one metadata context that we know (NBD protocol, "The base: namespace").
package enum AllocationContext {
    package static let name = "base:allocation"
    package static let id: UInt32 = 1
    package static let hole: UInt32 = 1 << 0
    package static let zero: UInt32 = 1 << 1
}

/// NBD protocol, "Error values". An open set: a client treats unknown ones as EINVAL.
package struct ErrorNumber: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let notPermitted = ErrorNumber(rawValue: 1)
    package static let io = ErrorNumber(rawValue: 5)
    package static let noMemory = ErrorNumber(rawValue: 12)
    package static let invalid = ErrorNumber(rawValue: 22)
    package static let noSpace = ErrorNumber(rawValue: 28)
    package static let overflow = ErrorNumber(rawValue: 75)
    package static let notSupported = ErrorNumber(rawValue: 95)
    package static let shuttingDown = ErrorNumber(rawValue: 108)

    package static let known: [ErrorNumber] = [
        .notPermitted, .io, .noMemory, .invalid, .noSpace, .overflow, .notSupported, .shuttingDown,
    ]

    /// What a client acts on: itself if the protocol defines it, else EINVAL.
    package var effective: ErrorNumber { Self.known.contains(self) ? self : .invalid }
}
