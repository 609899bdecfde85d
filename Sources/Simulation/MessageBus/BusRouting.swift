import DBusProtocol

/// Where messages go.
extension BusCore {
    /// A message as it came from a connection.
    mutating func accept(_ original: Envelope, from id: ConnectionID) {
        guard let peer = peers[id] else { return }
        // A monitor only listens (BecomeMonitor).
        guard !peer.isMonitor else { return hangUp(id) }
        var envelope = original
        envelope.header.sender = peer.uniqueName
        guard peer.uniqueName != nil else { return acceptBeforeHello(envelope, from: id) }
        guard let interceptor else { return route(envelope, from: id) }
        judge(envelope, from: id, interceptor(envelope, answeredCall(by: envelope, from: id)))
        letOthersPass()
    }

    private mutating func acceptBeforeHello(_ envelope: Envelope, from id: ConnectionID) {
        guard envelope.header.destination == WellKnown.bus else { return hangUp(id) }
        guard envelope.header.member == "Hello", envelope.header.kind == .methodCall else {
            return refuse(
                envelope, from: id,
                BusError(
                    ErrorName.accessDenied,
                    "Client tried to send a message other than Hello without being registered"))
        }
        drive(envelope, from: id)
    }

    mutating func route(_ envelope: Envelope, from id: ConnectionID) {
        let header = envelope.header
        guard let destination = header.destination else {
            // Libraries answer Peer themselves; so does the bus when it is not asked by name.
            if header.kind == .methodCall && header.interface == WellKnown.peer {
                capture(envelope, to: nil)
                return drive(envelope, from: id)
            }
            capture(envelope, to: nil)
            return broadcast(envelope, from: id)
        }
        if destination == WellKnown.bus {
            capture(envelope, to: nil)
            eavesdrop(envelope, from: id, to: nil)
            return drive(envelope, from: id)
        }
        guard let recipient = owner(of: destination) else {
            capture(envelope, to: nil)
            return refuse(envelope, from: id, missing(destination, header))
        }
        capture(envelope, to: recipient)
        unicast(envelope, from: id, to: recipient)
    }

    private func missing(_ name: String, _ header: Message) -> BusError {
        header.flags.contains(.noAutoStart)
            ? BusError(ErrorName.nameHasNoOwner, "Name \"\(name)\" does not exist")
            : BusError(
                ErrorName.serviceUnknown, "The name \(name) was not provided by any .service files")
    }

    private mutating func unicast(_ envelope: Envelope, from id: ConnectionID, to recipient: ConnectionID) {
        let header = envelope.header
        guard let peer = peers[recipient] else { return }
        if let error = obstacle(envelope, to: peer) { return refuse(envelope, from: id, error) }
        switch header.kind {
        case .methodCall where header.expectsReply:
            if let error = expectReply(to: header, of: id, from: recipient) {
                return refuse(envelope, from: id, error)
            }
        case .methodReturn, .error:
            // A reply that nobody waits for goes nowhere.
            guard settleReply(header.replySerial ?? 0, of: recipient, from: id) else { return }
        default: break
        }
        guard let packet = encode(envelope) else { return }
        deliver(packet, to: recipient, from: id)
        eavesdrop(envelope, from: id, to: recipient)
    }

    private func obstacle(_ envelope: Envelope, to peer: BusPeer) -> BusError? {
        if !envelope.header.descriptors.isEmpty && !peer.canPassDescriptors {
            return BusError(
                ErrorName.notSupported,
                "Tried to send message with Unix file descriptors to a client that doesn't support that.")
        }
        if peer.queuedBytes > limits.outgoingBytes {
            return BusError(
                ErrorName.limitsExceeded,
                "The destination service '\(envelope.header.destination ?? "")' has a full message queue")
        }
        return nil
    }

    /// Sends to everybody with a fitting rule.
    mutating func broadcast(_ envelope: Envelope, from id: ConnectionID?) {
        distribute(envelope, from: id, to: nil) { _ in true }
    }

    /// Copies a unicast message to those who asked to see other people's.
    mutating func eavesdrop(_ envelope: Envelope, from id: ConnectionID?, to recipient: ConnectionID?) {
        distribute(envelope, from: id, to: recipient, where: \.eavesdrops)
    }

    private mutating func distribute(
        _ envelope: Envelope, from id: ConnectionID?, to recipient: ConnectionID?,
        where isEligible: (MatchRule) -> Bool
    ) {
        let listeners = peers.filter { listener, peer in
            listener != recipient && !peer.isMonitor && obstacle(envelope, to: peer) == nil
                && peer.rules.contains { isEligible($0) && matches($0, envelope, id, recipient) }
        }
        guard !listeners.isEmpty, let packet = encode(envelope) else { return }
        for listener in listeners.keys.sorted() { deliver(packet, to: listener, from: id) }
    }

    /// Shows a message to every monitor that wants it, before it goes anywhere.
    mutating func capture(_ envelope: Envelope, from id: ConnectionID? = nil, to recipient: ConnectionID?) {
        let sender = id ?? envelope.header.sender.flatMap(owner)
        let watchers = peers.filter { _, peer in
            guard let rules = peer.monitorRules else { return false }
            guard envelope.header.descriptors.isEmpty || peer.canPassDescriptors else { return false }
            guard peer.queuedBytes <= limits.outgoingBytes else { return false }
            return rules.isEmpty || rules.contains { matches($0, envelope, sender, recipient) }
        }
        guard !watchers.isEmpty, let packet = encode(envelope) else { return }
        for watcher in watchers.keys.sorted() { deliver(packet, to: watcher, from: sender) }
    }

    private func matches(
        _ rule: MatchRule, _ envelope: Envelope, _ sender: ConnectionID?, _ recipient: ConnectionID?
    ) -> Bool {
        let header = envelope.header
        let fits = rule.matchesHeader(
            of: header,
            senderOwns: { name in
                name == header.sender || (sender != nil && registry.owner(of: name) == sender)
            },
            destinationOwns: { name in
                name == header.destination || (recipient != nil && registry.owner(of: name) == recipient)
            })
        guard fits else { return false }
        guard rule.argumentCount > 0 else { return true }
        guard let values = try? envelope.values(atMost: rule.argumentCount) else { return false }
        return rule.matches(arguments: values)
    }

    func owner(of name: String) -> ConnectionID? { registry.owner(of: name) }

    /// - Returns: `nil` for a message that cannot be sent on: stamping the sender made it too long.
    private func encode(_ envelope: Envelope) -> Packet? { try? MessageEncoder.encode(envelope) }

    private mutating func deliver(_ packet: Packet, to id: ConnectionID, from sender: ConnectionID?) {
        peers[id]?.queuedBytes += packet.bytes.count
        effects.append(.send(to: id, packet, from: sender))
    }

    /// Answers a call with an error; anything else is dropped in silence.
    mutating func refuse(_ envelope: Envelope, from id: ConnectionID, _ error: BusError) {
        guard envelope.header.expectsReply else { return }
        send(.error(to: envelope.header, error), to: id)
    }

    /// Sends a message of the bus's own to one connection.
    mutating func send(_ message: Message, to id: ConnectionID) {
        var stamped = message
        stamped.sender = WellKnown.bus
        stamped.destination = peers[id]?.uniqueName ?? message.destination
        stamped.serial = nextSerial()
        guard let envelope = try? Envelope(stamped) else { return }
        capture(envelope, to: id)
        guard let packet = encode(envelope) else { return }
        deliver(packet, to: id, from: nil)
        eavesdrop(envelope, from: nil, to: id)
    }

    /// Sends a signal of the bus's own to everybody who wants it.
    mutating func broadcast(_ signal: Message) {
        var stamped = signal
        stamped.sender = WellKnown.bus
        stamped.serial = nextSerial()
        guard let envelope = try? Envelope(stamped) else { return }
        capture(envelope, to: nil)
        broadcast(envelope, from: nil)
    }
}
