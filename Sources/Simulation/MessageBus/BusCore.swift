package import DBusProtocol
package import FaultPoints

/// The message bus without the wire (D-Bus specification, "Message Bus Specification"): bytes of its
/// connections in, effects out. Where dbus-daemon and the specification differ, it does as
/// dbus-daemon does.
package struct BusCore {
    /// What the shell has to do, in order.
    package enum Effect: Sendable {
        /// - Parameter from: whose message it was; `nil` for the bus's own.
        case send(to: ConnectionID, Packet, from: ConnectionID?)
        /// Hang up once everything before has been sent.
        case close(ConnectionID)
        /// Call ``BusCore/alarm(_:)`` with the ticket when that much time has passed.
        case wake(after: Duration, ticket: UInt64)
        /// Call it once the hold is released.
        case await(FaultHold, ticket: UInt64)
    }

    /// What becomes of a message, for fault injection.
    package indirect enum Verdict: Equatable, Sendable {
        case pass
        case drop
        /// It is sent twice. A repeated call expects no reply of its own.
        case duplicate
        /// Later messages of the same sender are not held up by it.
        case delay(Duration, then: Verdict = .pass)
        case hold(FaultHold, then: Verdict = .pass)
        /// So many later messages, whosever they are, pass first; none waits longer than
        /// ``BusCore/maximumLag``.
        case reorder(behind: Int)
        /// The caller gets this error; other kinds of message are dropped.
        case error(BusError)
        /// The connection that sent it is cut, and it is lost.
        case cutSender
        /// The connection that it goes to is cut once it is delivered.
        case cutReceiver
    }

    /// The call that a reply answers.
    package struct AnsweredCall: Equatable, Sendable {
        /// "interface.member", or the member alone.
        package var target: String
        package var path: String
    }

    /// Asked once for each message that a connection sends, sender stamped; after Hello only. The call is
    /// there for replies to calls that came by while somebody intercepted.
    package typealias Interceptor = @Sendable (Envelope, AnsweredCall?) -> Verdict

    /// How long a message that others shall pass waits for them.
    package static let maximumLag = Duration.seconds(1)

    enum Alarm {
        case delayed(Envelope, from: ConnectionID, then: Verdict)
        case overtaken
        case reply(PendingReply)
        case descriptors(ConnectionID)
    }

    /// A message that lets others pass.
    struct Overtaken {
        let envelope: Envelope
        let sender: ConnectionID
        var lag: Int
        /// That of the alarm that ends the waiting.
        let ticket: UInt64
    }

    let guid: String
    let machineID: String
    let limits: BusLimits
    /// Whose connections count as privileged, besides root's.
    let userID: UInt32
    /// What the bus answers when asked for its own process; `nil` keeps it to itself.
    let processID: UInt32?
    let activatableNames: [String]
    package var interceptor: Interceptor?

    var peers: [ConnectionID: BusPeer] = [:]
    var registry = NameRegistry()
    var pendingReplies: [PendingReply: ExpectedReply] = [:]
    var overtaken: [Overtaken] = []
    var alarms: [UInt64: Alarm] = [:]
    var effects: [Effect] = []
    private var lastConnection: UInt64 = 0
    private var lastUniqueName: UInt64 = 0
    private var lastTicket: UInt64 = 0
    private var lastSerial: UInt32 = 0
    let driver: ObjectTree

    /// - Parameters:
    ///   - guid: 32 hexadecimal digits naming this bus.
    ///   - machineID: 32 hexadecimal digits, answered to Peer.GetMachineId.
    ///   - userID: the user that the bus runs as.
    package init(
        guid: String, machineID: String, userID: UInt32, processID: UInt32? = nil,
        limits: BusLimits = BusLimits()
    ) {
        self.guid = guid
        self.machineID = machineID
        self.userID = userID
        self.processID = processID
        self.limits = limits
        activatableNames = [WellKnown.bus]
        driver = BusDriverInterface.tree(machineID: machineID)
    }

    /// The peer is authenticated; its messages may follow.
    package mutating func connect(_ credentials: PeerCredentials, canPassDescriptors: Bool) -> ConnectionID {
        lastConnection += 1
        let id = ConnectionID(number: lastConnection)
        peers[id] = BusPeer(
            credentials: credentials, canPassDescriptors: canPassDescriptors,
            decoder: MessageDecoder(maximumBytes: limits.messageBytes))
        return id
    }

    /// Bytes from a connection, with the descriptors that came with them.
    package mutating func receive(
        _ bytes: some Collection<UInt8>, descriptors: [PassedDescriptor] = [], from id: ConnectionID
    ) -> [Effect] {
        peers[id]?.decoder.append(bytes, descriptors: descriptors)
        while let envelope = nextMessage(of: id) { accept(envelope, from: id) }
        watchDescriptors(of: id)
        return takeEffects()
    }

    /// The connection has ended, by whichever side.
    package mutating func disconnected(_ id: ConnectionID) -> [Effect] {
        remove(id)
        return takeEffects()
    }

    /// The transport has delivered that many bytes of what was queued.
    package mutating func delivered(_ byteCount: Int, to id: ConnectionID) {
        peers[id]?.queuedBytes -= byteCount
    }

    /// The time of an ``Effect/wake(after:ticket:)`` has come.
    package mutating func alarm(_ ticket: UInt64) -> [Effect] {
        switch alarms.removeValue(forKey: ticket) {
        case .delayed(let envelope, let sender, let verdict):
            if peers[sender] != nil { judge(envelope, from: sender, verdict) }
        case .overtaken: letGo { $0.ticket == ticket }
        case .reply(let pending): expire(pending)
        case .descriptors(let id) where peers[id]?.descriptorAlarm == ticket: hangUp(id)
        case .descriptors, nil: break
        }
        return takeEffects()
    }

    /// As if the bus's own process were killed and started again: every connection ends, every name and
    /// rule is forgotten, unique names are given out from the first on.
    package mutating func restart() -> [Effect] {
        for id in peers.keys.sorted() { effects.append(.close(id)) }
        peers = [:]
        registry = NameRegistry()
        pendingReplies = [:]
        alarms = [:]
        overtaken = []
        lastUniqueName = 0
        lastSerial = 0
        return takeEffects()
    }

    /// Hangs up on whoever owns a name; nothing for one that nobody owns.
    package mutating func cut(_ name: String) -> [Effect] {
        if let id = owner(of: name) { hangUp(id) }
        return takeEffects()
    }

    /// Whether the bus still knows the connection.
    package func isConnected(_ id: ConnectionID) -> Bool { peers[id] != nil }

    private mutating func nextMessage(of id: ConnectionID) -> Envelope? {
        do throws(WireViolation) {
            guard let envelope = try peers[id]?.decoder.next() else { return nil }
            guard envelope.header.descriptors.count <= limits.messageDescriptors else {
                throw WireViolation("\(envelope.header.descriptors.count) descriptors in one message")
            }
            return envelope
        } catch {
            hangUp(id)
            return nil
        }
    }

    private mutating func watchDescriptors(of id: ConnectionID) {
        guard let peer = peers[id] else { return }
        guard peer.decoder.waitingDescriptors > 0 else { return peers[id]!.descriptorAlarm = nil }
        // More than a message may carry can never be used up.
        guard peer.decoder.waitingDescriptors <= limits.messageDescriptors else { return hangUp(id) }
        guard peer.descriptorAlarm == nil else { return }
        peers[id]!.descriptorAlarm = setAlarm(.descriptors(id), after: limits.descriptorTimeout)
    }

    mutating func hangUp(_ id: ConnectionID) {
        guard peers[id] != nil else { return }
        remove(id)
        effects.append(.close(id))
    }

    /// As ``setAlarm(_:after:)``, for when a hold is released.
    mutating func setAlarm(_ alarm: Alarm, on hold: FaultHold) {
        lastTicket += 1
        alarms[lastTicket] = alarm
        effects.append(.await(hold, ticket: lastTicket))
    }

    @discardableResult
    mutating func setAlarm(_ alarm: Alarm, after duration: Duration) -> UInt64 {
        lastTicket += 1
        alarms[lastTicket] = alarm
        effects.append(.wake(after: duration, ticket: lastTicket))
        return lastTicket
    }

    mutating func newUniqueName() -> String {
        defer { lastUniqueName += 1 }
        return ":1.\(lastUniqueName)"
    }

    mutating func nextSerial() -> UInt32 {
        lastSerial = lastSerial == .max ? 1 : lastSerial + 1
        return lastSerial
    }

    private mutating func takeEffects() -> [Effect] {
        defer { effects = [] }
        return effects
    }
}
