import Synchronization

/// The way between the clients and a server.
package struct ServerNetwork: Equatable, Sendable {
    /// There and back, without the time that bytes take to be sent.
    package var roundTrip: Duration
    /// From the server, shared by all of its connections; `nil` is without limit.
    package var bytesPerSecond: Int?

    package init(roundTrip: Duration = .zero, bytesPerSecond: Int? = nil) {
        precondition(roundTrip >= .zero && bytesPerSecond.map { $0 > 0 } ?? true)
        self.roundTrip = roundTrip
        self.bytesPerSecond = bytesPerSecond
    }

    /// - Returns: how long that many bytes take at that rate.
    static func time(_ byteCount: Int, at bytesPerSecond: Int) -> Duration {
        let (seconds, rest) = byteCount.quotientAndRemainder(dividingBy: bytesPerSecond)
        let nanoseconds = UInt64(bytesPerSecond)
            .dividingFullWidth(UInt64(rest).multipliedFullWidth(by: 1_000_000_000)).quotient
        return .seconds(seconds) + .nanoseconds(Int64(nanoseconds))
    }
}

/// The server's end of the wire: what one connection sends, the others wait for.
final class SharedLink: Sendable {
    private let freeAt = Mutex(Duration.zero)

    /// Takes the wire for that many bytes, after what was sent before.
    ///
    /// - Returns: when the last of them has left.
    func departure(of byteCount: Int, at now: Duration, bytesPerSecond: Int?) -> Duration {
        guard let bytesPerSecond else { return now }
        return freeAt.withLock { freeAt in
            freeAt = max(now, freeAt) + ServerNetwork.time(byteCount, at: bytesPerSecond)
            return freeAt
        }
    }
}
