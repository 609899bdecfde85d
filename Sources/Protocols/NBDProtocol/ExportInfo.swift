/// What a client knows of an export once the handshake is done.
package struct ExportInfo: Equatable, Sendable {
    package var byteCount: UInt64
    package var flags: TransmissionFlags
    /// Block sizes in bytes (NBD protocol, "Block size constraints"); the defaults of a server
    /// that says nothing.
    package var minimumBlockBytes: UInt32 = 1
    package var preferredBlockBytes: UInt32 = 4096
    package var maximumPayloadBytes: UInt32 = 32 << 20
    package var hasStructuredReplies = false

    package init(byteCount: UInt64, flags: TransmissionFlags) {
        self.byteCount = byteCount
        self.flags = flags
    }

    package var isReadOnly: Bool { flags.contains(.isReadOnly) }
}
