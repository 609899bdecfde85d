internal import WireFormat

/// One command between its wrapper and its status.
struct CommandInProgress: Sendable {
    enum Stage: Sendable {
        case fetching(MediumRead)
        /// All data of the data-in stage are in the pipe.
        case sendingData
        case receiving(MediumWrite)
        case verifying(MediumRange, StorageTag)
        case flushing(StorageTag, reportsFailure: Bool)
        /// Nothing left to do but to queue the status.
        case finished
        case sendingStatus
    }
    let wrapper: CommandBlockWrapper
    let lun: Int
    var stage: Stage
    var residue: UInt32
    var isPhaseError: Bool
    var isLUNMissing: Bool
}

/// A read that fetches ahead of the host, within bounds.
struct MediumRead: Sendable {
    struct Chunk: Sendable {
        let tag: StorageTag
        let offset: UInt64
        let byteCount: Int
        var pieces: [Bytes]?
    }
    /// What is still to be asked for.
    var unrequested: MediumRange
    /// Asked for and not passed on, in order.
    var chunks: [Chunk] = []
    /// What ends the read once the bytes before it are passed on.
    var failure: SenseData?

    var isComplete: Bool { chunks.isEmpty && unrequested.byteCount == 0 }
    var outstandingByteCount: Int { chunks.reduce(0) { $0 + $1.byteCount } }
}

/// A data-out stage: bytes for the medium, then bytes that nobody wants.
struct MediumWrite: Sendable {
    /// What the host has yet to send.
    var hostByteCount: UInt64
    /// What of it the command still wants; the rest is read and dropped.
    var wanted: MediumRange
    var isForcedToMedium = false
    /// Received and not yet asked to be written; it goes to `bufferOffset`.
    var buffer: [UInt8] = []
    var bufferOffset: UInt64 = 0
    var inFlight: (tag: StorageTag, offset: UInt64, byteCount: Int)?
    /// Written up to here counts as moved.
    var failure: SenseData?
}
