package import VirtualMedia

/// Local sockets by path, at the end that listens; ``LocalSockets`` is the other.
package protocol LocalListeners: Sendable {
    /// A socket that nobody listens on any more is replaced.
    ///
    /// - Throws: EACCES, ENOENT (no such folder), ENAMETOOLONG (over 107 bytes), EADDRINUSE.
    func listen(at path: String) async throws(SystemError) -> any LocalListener
}

package protocol LocalListener: Sendable {
    /// - Returns: the next connection; `nil` once closed.
    func accept() async -> (any ByteChannel)?
    /// Stops listening, and removes the path. Harmless when repeated.
    func close()
}
