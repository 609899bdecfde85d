/// Makes connections to image servers: real ones, or those of a simulation.
package protocol RangeConnector: Sendable {
    /// Sends nothing yet: the first request connects.
    func connection(
        to location: HTTPSLocation, options: HTTPSOptions, authorization: AuthorizationHeader?
    ) -> any RangeConnection
}

/// A connection to one server, made by its first request, kept for the next and made anew when it broke.
/// Used by one task at a time, which may be another for each request.
package protocol RangeConnection: AnyObject, Sendable {
    /// Sends one request and returns once its answer has come to its end. It may block its thread
    /// instead of suspending, so call it from a task that has one of its own
    /// (``TaskPlacement/ownThread``). The end of the task ends it with ``ImageError/Cause/cancelled``.
    ///
    /// - Parameters:
    ///   - range: Sent byte-exact; the last byte is `upperBound - 1`.
    ///   - precondition: A whole header line, as ``ImageIdentity/precondition`` gives it.
    ///   - timeout: For the whole request, on top of the options' own limits.
    /// - Throws: what `sink` refused, or what went wrong on the way; after that nothing in the sink's
    ///   memory may be used.
    func perform(
        _ method: RangeMethod, range: Range<UInt64>?, precondition: String?, timeout: Duration,
        into sink: ResponseSink
    ) async throws(FetchFailure)

    /// Hangs up. The last call to a connection.
    func disconnect()
}

package enum RangeMethod: String, Sendable { case get = "GET", head = "HEAD" }
