/// What one server allows its clients.
package struct ServerLimits: Sendable {
    /// Connections at once; a further one is closed before the greeting.
    package var maximumConnections = 64
    /// Bytes of one read or write (NBD protocol: 32 MiB is what clients may rely on).
    package var maximumPayloadBytes: UInt32 = 32 << 20
    /// Requests of one connection being carried out at once by a store that suspends.
    package var maximumInFlight = 16
    /// Their payloads together; a larger single request is carried out alone.
    package var maximumInFlightBytes = 64 << 20
    /// For the whole handshake; then the connection is closed.
    package var handshakeMilliseconds = 30_000
    /// For requests already received, and their replies, when the server stops.
    package var drainMilliseconds = 2_000

    package init() {}
}

/// Sizes of the data plane. Where a figure decided, it stands here; docs/benchmarks.md tells how to
/// measure again.
enum DataPlane {
    /// Requests received at once; a write that fits in is carried out from here.
    static let inputBytes = 256 << 10
    /// Replies gathered before they are sent: those to 32 reads of 4 KiB fit in.
    static let outputBytes = 256 << 10
    /// From here on a read goes from file to socket without a copy of ours.
    static let sendfileBytes = 32 << 10
    /// What may wait in a socket for the client. With the system's own 208 KiB, the server sleeps and is
    /// woken within each larger read: one connection reads 1.5 times as fast with 2 MiB, at 0.6 times
    /// the processor time; 4 MiB is slower again, for it leaves the processor's caches.
    static let sendBufferBytes = 2 << 20
    /// From here on a read of a sparse store is looked up for holes.
    static let holeLookupBytes = 64 << 10
    /// Runs in one block status reply.
    static let maximumExtents = 1024
    /// Stack of a connection's thread.
    static let stackBytes = 512 << 10
    static let listenBacklog: CInt = 64
}
