import DBusProtocol

/// Names a connection inside the bus; never used twice.
package struct ConnectionID: Hashable, Comparable, Sendable {
    package let number: UInt64
    package static func < (left: ConnectionID, right: ConnectionID) -> Bool { left.number < right.number }
}

/// Who is at the other end, as the transport tells it.
package struct PeerCredentials: Equatable, Sendable {
    /// `nil` for an anonymous peer.
    package var userID: UInt32?
    package var processID: UInt32?
    package var groupIDs: [UInt32]

    package init(userID: UInt32?, processID: UInt32?, groupIDs: [UInt32] = []) {
        self.userID = userID
        self.processID = processID
        self.groupIDs = groupIDs
    }
}

/// What the bus knows about one connection.
struct BusPeer {
    let credentials: PeerCredentials
    let canPassDescriptors: Bool
    var decoder: MessageDecoder
    /// `nil` until Hello.
    var uniqueName: String?
    var rules: [MatchRule] = []
    /// What a monitor wants to see; a monitor has no names and may send nothing.
    var monitorRules: [MatchRule]?
    /// Bytes handed to the transport and not yet taken by the peer.
    var queuedBytes = 0
    /// Tells apart an alarm for descriptors that wait from one whose descriptors have long been used.
    var descriptorAlarm: UInt64?
    /// Calls that the peer waits for.
    var pendingReplies = 0

    var isMonitor: Bool { monitorRules != nil }
}
