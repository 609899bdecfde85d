/// What a command block amounts to once checked against a LUN: data for the transport to move, and
/// what to ask of the medium. Refusals leave their reason in the LUN's sense data.
struct CommandPlan: Equatable, Sendable {
    enum Action: Equatable, Sendable {
        /// Nothing to move: refused, or carried out already.
        case finish
        case reply([UInt8])
        case read(MediumRange)
        case write(MediumRange, isForcedToMedium: Bool)
        case verify(MediumRange)
        case flush(reportsFailure: Bool)
        case eject
    }
    var action: Action
    /// The host and the command disagree about the data stage: the status will be 02.
    var isPhaseError = false
    /// No such LUN, and the command is not one that works without.
    var isLUNMissing = false
}

/// Bytes of the medium that a command moves.
struct MediumRange: Equatable, Sendable {
    var offset: UInt64
    var byteCount: Int
    /// The command goes on past the end of the medium: once these bytes are moved it fails, and names this
    /// byte as the place.
    var failureOffset: UInt64?
}

/// Why a command is not carried out.
enum CommandRefusal: Error {
    case sense(SenseCode)
    case phaseError
    case lunMissing
}
