/// What becomes of a new connection before the first request.
package enum HandshakePlan: Equatable, Sendable {
    case right
    /// Closes the socket at once.
    case drops
    /// Sends a fatal alert: only a version of TLS that no client speaks any more is on offer.
    case alerts
    /// Sends nothing until the client gives up or the server stops.
    case stalls
}
