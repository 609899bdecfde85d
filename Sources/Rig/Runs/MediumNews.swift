import Synchronization

/// What a host has been told of media over one connection to a device: it may take every block for one of the
/// medium that it knows, until a unit attention says otherwise, or the device is a new one.
final class MediumNews: Sendable {
    private struct State {
        /// By number of the mount; `nil` until the first block is read.
        var known: UInt64?
        var isToldOfChange = false
    }

    private let state = Mutex(State())

    /// NOT READY TO READY CHANGE, or a reset: the medium may be another one.
    func changeAnnounced() { state.withLock { $0.isToldOfChange = true } }

    /// Of which blocks were read last; `nil` before the first.
    var medium: UInt64? { state.withLock { $0.known } }

    /// Blocks were read.
    ///
    /// - Returns: false when they are of another medium than the host was told of.
    func blocksRead(ofMedium number: UInt64) -> Bool {
        state.withLock { state in
            defer { (state.known, state.isToldOfChange) = (number, false) }
            return state.known == nil || state.known == number || state.isToldOfChange
        }
    }
}
