import DBusProtocol

/// What one peer may take of a bus. The names and the values are those of dbus-daemon's session bus.
package struct BusLimits: Equatable, Sendable {
    /// Bytes of a connection's messages that are not yet delivered; above it, it is not read from.
    package var incomingBytes = 1_000_000_000
    /// Bytes that wait to be sent to a connection; above it, nobody can send it more.
    package var outgoingBytes = 1_000_000_000
    /// Longest message, in bytes.
    package var messageBytes = WireLimits.messageBytes
    /// Descriptors in one message.
    package var messageDescriptors = 16
    package var completedConnections = 100_000
    /// Connections that have not yet said Hello.
    package var incompleteConnections = 10_000
    package var connectionsPerUser = 100_000
    /// Names of one connection, its unique one included; queued ones count.
    package var namesPerConnection = 50_000
    package var matchRulesPerConnection = 50_000
    /// Calls of one connection that wait for a reply.
    package var repliesPerConnection = 50_000
    /// How long a call may wait; `nil` for ever, as on any stock bus.
    package var replyTimeout: Duration?
    /// How long a connection may take to authenticate and say Hello.
    package var authenticationTimeout = Duration.seconds(240)
    /// How long descriptors may wait for the rest of their message.
    package var descriptorTimeout = Duration.seconds(150)

    package init() {}
}
