import DBusProtocol

/// A call that waits: who called, and under which serial.
struct PendingReply: Hashable, Comparable {
    let caller: ConnectionID
    let serial: UInt32

    static func < (left: PendingReply, right: PendingReply) -> Bool {
        (left.caller, left.serial) < (right.caller, right.serial)
    }
}

/// Who has to answer it, and what it was.
struct ExpectedReply {
    let callee: ConnectionID
    /// Known while somebody intercepts.
    let call: BusCore.AnsweredCall?
}

extension BusCore {
    /// Remembers a call on its way.
    ///
    /// - Returns: why it may not go.
    mutating func expectReply(to header: Message, of caller: ConnectionID, from callee: ConnectionID)
        -> BusError?
    {
        let serial = header.serial
        let pending = PendingReply(caller: caller, serial: serial)
        guard pendingReplies[pending] == nil else {
            return BusError(
                ErrorName.accessDenied, "A call with serial \(serial) already waits for its reply")
        }
        guard peers[caller]!.pendingReplies < limits.repliesPerConnection else {
            return BusError(
                ErrorName.limitsExceeded,
                "The maximum number of pending replies per connection has been reached")
        }
        pendingReplies[pending] = ExpectedReply(
            callee: callee, call: interceptor == nil ? nil : AnsweredCall(header))
        peers[caller]!.pendingReplies += 1
        if let timeout = limits.replyTimeout { setAlarm(.reply(pending), after: timeout) }
        return nil
    }

    /// Whether a reply is one that was waited for; if so, it no longer is.
    mutating func settleReply(_ serial: UInt32, of caller: ConnectionID, from callee: ConnectionID) -> Bool {
        let pending = PendingReply(caller: caller, serial: serial)
        guard pendingReplies[pending]?.callee == callee else { return false }
        forget(pending)
        return true
    }

    mutating func expire(_ pending: PendingReply) {
        guard pendingReplies[pending] != nil else { return }
        fail(pending, "Message did not receive a reply (timeout by message bus)")
    }

    /// The connection is gone: its callers get NoReply, its own calls are forgotten.
    mutating func dropReplies(of id: ConnectionID) {
        for pending in pendingReplies.keys.filter({ $0.caller == id }) { forget(pending) }
        let waiting = pendingReplies.filter { $0.value.callee == id }.keys.sorted()
        for pending in waiting {
            fail(pending, "Message recipient disconnected from message bus without replying")
        }
    }

    private mutating func fail(_ pending: PendingReply, _ text: String) {
        forget(pending)
        var call = Message(kind: .methodCall)
        call.serial = pending.serial
        send(.error(to: call, BusError(ErrorName.noReply, text)), to: pending.caller)
    }

    private mutating func forget(_ pending: PendingReply) {
        pendingReplies[pending] = nil
        peers[pending.caller]?.pendingReplies -= 1
    }
}
