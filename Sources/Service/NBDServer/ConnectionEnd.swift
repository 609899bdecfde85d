internal import NBDProtocol

/// How a connection came to its end.
package enum ConnectionEnd: Equatable, Sendable {
    /// The client said so (DISC, or ABORT while haggling).
    case disconnected
    /// The client hung up without a word.
    case hungUp
    /// The server was stopped.
    case stopped
    /// The client broke the protocol, or asked for what only a hang-up can answer.
    case dropped(String)
    /// A reply had been promised that could not be kept, such as a file that shrank under sendfile.
    case failed(String)
}

extension ConnectionEnd {
    /// - Parameter reason: of ``ServerHandshake/Action/close(_:)``.
    package init(handshakeClosed reason: String) {
        self = reason == ServerHandshake.abortReason ? .disconnected : .dropped(reason)
    }
}
