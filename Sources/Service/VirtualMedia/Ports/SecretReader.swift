/// Reads the pipes in which callers pass secrets.
package protocol SecretReader: Sendable {
    /// Waits for the next bytes of a descriptor that a caller passed; it stays open.
    ///
    /// - Returns: at most `maximumBytes`, whatever is there; empty at the end of the stream.
    /// - Throws: ETIMEDOUT once `timeout` has passed without a byte, EBADF, EISDIR, EIO.
    func read(_ descriptor: CInt, maximumBytes: Int, timeout: Duration) async throws(SystemError) -> [UInt8]
}

/// For a world without descriptors, such as a bus in memory: every secret is refused.
package struct NoSecretReader: SecretReader {
    package init() {}

    package func read(_ descriptor: CInt, maximumBytes: Int, timeout: Duration)
        async throws(SystemError) -> [UInt8]
    {
        throw SystemError(9, "read descriptor \(descriptor)")  // EBADF
    }
}
