package import WireFormat

/// A connected, ordered, two-way stream of bytes: a socket, or its simulation.
package protocol ByteChannel: AnyObject, Sendable {
    /// Waits for at least one byte.
    ///
    /// - Returns: how many bytes were put at the front of `buffer`; 0 at the end of the stream.
    func read(into buffer: UnsafeMutableRawBufferPointer) async throws(SystemError) -> Int
    /// Writes all of `bytes`, waiting for room.
    func write(_ bytes: Bytes) async throws(SystemError)
    /// Ends both directions; a waiting `read` returns 0. Harmless when repeated.
    func close()
    /// Whether ``close()`` was called on this end, whoever called it.
    var isClosed: Bool { get }
}

/// Local sockets by path.
package protocol LocalSockets: Sendable {
    /// - Throws: ENOENT (no such path), ECONNREFUSED (nobody listens: a stale socket), ENOTSOCK,
    ///   EACCES, ENAMETOOLONG (over 107 bytes).
    func connect(to path: String) async throws(SystemError) -> any ByteChannel
}
