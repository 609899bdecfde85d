/// What one client, or all of them together, may use of the service.
package enum RedfishLimits {
    /// Of one request's body; the largest that is needed is a certificate.
    package static let bodyBytes = 65_536
    /// Of the path with its query.
    package static let targetBytes = 4096
    /// Of all header fields together, for the shell that reads them.
    package static let headerBytes = 16_384
    package static let queryParameters = 16
    package static let userNameBytes = 64
    package static let minimumPasswordCharacters = 8
    package static let maximumPasswordCharacters = 128
    /// Of the secret that is handed to the virtual media service: user, password and two zero bytes.
    package static let secretBytes = 1024
    package static let accounts = 64
    package static let tokenBytes = 32
    /// Addresses whose wrong passwords are remembered.
    package static let throttledAddresses = 4096
    /// Passwords that the KDF works on at once, and that wait for it.
    package static let passwordChecks = 32
    /// Users of Basic authentication whose last right password is remembered.
    package static let rememberedPasswords = 64
    package static let rememberedPasswordAge = Duration.seconds(60)
    package static let tasks = 64
    /// An answer of the bus, such as to GetManagedObjects.
    package static let busAnswer = Duration.seconds(20)
    /// Added to the service's own limit for a mount before we stop waiting for its Completion.
    package static let completionGrace = Duration.seconds(60)
    /// Between two attempts to reach the bus.
    package static let busReconnect = Duration.seconds(1)
    package static let imageBytes = 2048
    package static let certificatesPerSlot = 8
    package static let subscriptions = 64
    package static let eventStreams = 1024
    /// Events that one stream may be behind before some are dropped.
    package static let queuedEvents = 256
    /// Without an event for so long, a stream carries a comment.
    package static let streamHeartbeat = Duration.seconds(30)
    /// How often an event is sent to a subscriber that does not take it, and how long between.
    package static let deliveryAttempts = 3
    package static let deliveryInterval = Duration.seconds(30)
}
