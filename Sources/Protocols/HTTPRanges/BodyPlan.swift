/// What really follows the head of an answer.
package struct BodyPlan: Equatable, Sendable {
    /// Bytes of the image; fewer than the head promised when the body is cut.
    package let sent: Range<UInt64>
    /// Bytes that no image has, sent after those.
    package let extraByteCount: Int
    /// Says nothing more from here on, until the client gives up.
    package let stallsAfterwards: Bool
    /// How the connection ends when the body did not come to its end; `nil` when it did.
    package let cutBy: ResponseEnd?

    package init(_ range: Range<UInt64>, fault: ResponsePlan.BodyFault?) {
        var extra = 0
        var end = range.upperBound
        switch fault {
        case nil: cutBy = nil
        case .grows(let count):
            extra = count
            cutBy = nil
        case .closes(let count), .stalls(let count):
            end = min(range.lowerBound + count, range.upperBound)
            cutBy = .closesSilently
        case .closesShort(let count):
            end = range.upperBound - min(count, UInt64(range.count))
            cutBy = .closesSilently
        case .resets(let count):
            end = min(range.lowerBound + count, range.upperBound)
            cutBy = .resets
        }
        sent = range.lowerBound..<end
        extraByteCount = extra
        if case .stalls? = fault { stallsAfterwards = true } else { stallsAfterwards = false }
    }
}

/// What becomes of the connection after an answer.
package enum ResponseEnd: Equatable, Sendable {
    case staysOpen
    /// Ends with close_notify, as it should.
    case closes
    /// Ends without close_notify.
    case closesSilently
    case resets
}
