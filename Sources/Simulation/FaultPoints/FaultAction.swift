/// What is done to one operation. Every draw has been made: the same action has the same effect.
///
/// A layer carries out those that make sense for it; the catalogue says which, and a layer that is
/// handed another one must trap, not ignore it.
package enum FaultAction: Equatable, Sendable {
    /// Carries it out this much later.
    case delay(Duration)
    /// Carries it out once the hold is released; never, if it never is.
    case hold(FaultHold)
    /// Fails it with an errno; nothing is carried out.
    case fail(errno: CInt)
    /// Carries it out, then says that it failed with an errno.
    case failAfterwards(errno: CInt)
    /// Says that it succeeded; nothing is carried out.
    case pretend
    /// Answers with this many bytes less than were asked for, or carries out only the bytes before.
    case short(byteCount: Int)
    /// Carries out some of the sectors only. Bit n of `sectors` stands for the n-th 512 bytes, and
    /// repeats after 64.
    case torn(sectors: UInt64)
    /// Changes the data on its way.
    case corrupt(Corruption)
    /// The operation, message or event does not take place, and nobody is told.
    case drop
    case duplicate
    /// Lets this many later ones pass first.
    case reorder(behind: Int)
    /// Ends the connection in order, after so many more bytes.
    case close(afterBytes: Int)
    /// Ends the connection at once and in disorder, after so many more bytes.
    case reset(afterBytes: Int)
    /// Moves at most so many bytes a second from here on.
    case bandwidth(bytesPerSecond: Int)
    /// Cuts what is sent into pieces of at most so many bytes.
    case slice(byteCount: Int)
    /// States another number than the true one: a size, a time, a length, a residue.
    case lie(field: String, value: Int64)
    /// Answers with a status of the layer's protocol: HTTP's, NBD's error, a CSW's.
    case status(Int)
    /// Fails with this sense data.
    case sense(key: UInt8, code: UInt8, qualifier: UInt8)
    /// What only one layer knows, by its name in the catalogue, with its parameter.
    case special(String, Int64)

    package enum Corruption: Equatable, Sendable {
        /// Flips one bit, counted from the start of the data.
        case bitFlip(bit: Int)
        /// Zeroes 512 bytes from this one on.
        case zero(at: Int)
        /// The bytes that were there before the last write.
        case stale
        /// Exchanges two sectors of 512 bytes, counted from the start of the data.
        case swap(Int, Int)
        /// The bytes from so much further on.
        case shift(byteCount: Int)
    }
}
