import DBusProtocol

/// Carrying out what an interceptor decides.
extension BusCore {
    mutating func judge(_ envelope: Envelope, from id: ConnectionID, _ verdict: Verdict) {
        switch verdict {
        case .pass: route(envelope, from: id)
        case .drop: break
        case .duplicate:
            route(envelope, from: id)
            var again = envelope
            if again.header.kind == .methodCall { again.header.flags.insert(.noReplyExpected) }
            route(again, from: id)
        case .delay(let duration, let then):
            setAlarm(.delayed(envelope, from: id, then: then), after: duration)
        case .hold(let hold, let then): setAlarm(.delayed(envelope, from: id, then: then), on: hold)
        case .reorder(let count):
            let ticket = setAlarm(.overtaken, after: Self.maximumLag)
            // The message itself is counted when it is held back.
            overtaken.append(Overtaken(envelope: envelope, sender: id, lag: count + 1, ticket: ticket))
        case .error(let error): refuse(envelope, from: id, error)
        case .cutSender: hangUp(id)
        case .cutReceiver:
            let receiver = envelope.header.destination.flatMap(owner)
            route(envelope, from: id)
            if let receiver { hangUp(receiver) }
        }
    }

    /// A message has been looked at: whoever lets others pass has one less to wait for.
    mutating func letOthersPass() {
        guard !overtaken.isEmpty else { return }
        for index in overtaken.indices { overtaken[index].lag -= 1 }
        letGo { $0.lag <= 0 }
    }

    mutating func letGo(where isDue: (Overtaken) -> Bool) {
        let due = overtaken.filter(isDue)
        overtaken.removeAll(where: isDue)
        for waiting in due {
            alarms[waiting.ticket] = nil
            if peers[waiting.sender] != nil { route(waiting.envelope, from: waiting.sender) }
        }
    }

    func answeredCall(by envelope: Envelope, from id: ConnectionID) -> AnsweredCall? {
        guard let serial = envelope.header.replySerial, let name = envelope.header.destination,
            let caller = owner(of: name)
        else { return nil }
        let expected = pendingReplies[PendingReply(caller: caller, serial: serial)]
        return expected?.callee == id ? expected?.call : nil
    }
}

extension BusCore.AnsweredCall {
    init(_ call: Message) {
        target = BusCore.target(of: call)
        path = call.path ?? ""
    }
}

extension BusCore {
    /// "interface.member", or the member alone.
    static func target(of message: Message) -> String {
        [message.interface, message.member].compactMap(\.self).joined(separator: ".")
    }
}
