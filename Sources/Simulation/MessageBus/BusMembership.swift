import DBusProtocol

/// Methods of the bus that change what a connection is, owns or hears.
extension BusCore {
    mutating func hello(_ invocation: Invocation, from id: ConnectionID) throws(BusError) {
        guard peers[id]!.uniqueName == nil else {
            throw BusError(ErrorName.failed, "Already handled an Hello message")
        }
        let complete = peers.values.filter { $0.uniqueName != nil }
        guard complete.count < limits.completedConnections else {
            throw BusError(
                ErrorName.limitsExceeded, "The maximum number of active connections has been reached")
        }
        let userID = peers[id]!.credentials.userID
        let ofUser = complete.filter { $0.credentials.userID == userID }
        guard userID == nil || ofUser.count < limits.connectionsPerUser else {
            throw BusError(
                ErrorName.limitsExceeded,
                "The maximum number of active connections for UID \(userID!) has been reached")
        }
        let name = newUniqueName()
        peers[id]!.uniqueName = name
        if let reply = invocation.reply([.string(name)]) { send(reply, to: id) }
        if let change = registry.request(name, for: id, []).1 { announce(change) }
    }

    mutating func requestName(_ invocation: Invocation, _ name: String, from id: ConnectionID)
        throws(BusError)
    {
        try checkOwnable(name, "acquire")
        guard registry.names(claimedBy: id).count < limits.namesPerConnection else {
            throw BusError(
                ErrorName.limitsExceeded,
                "Connection \"\(peers[id]!.uniqueName!)\" is not allowed to own more services")
        }
        guard case .uint32(let flags) = invocation.arguments[1] else { return }
        let (result, change) = registry.request(name, for: id, NameRegistry.Flags(rawValue: flags))
        if let change { announce(change) }
        if let reply = invocation.reply([.uint32(result.rawValue)]) { send(reply, to: id) }
    }

    mutating func releaseName(_ invocation: Invocation, _ name: String, from id: ConnectionID)
        throws(BusError)
    {
        try checkOwnable(name, "release")
        let (result, change) = registry.release(name, by: id)
        if let change { announce(change) }
        if let reply = invocation.reply([.uint32(result.rawValue)]) { send(reply, to: id) }
    }

    private func checkOwnable(_ name: String, _ verb: String) throws(BusError) {
        guard Names.isBusName(name) else {
            throw BusError(ErrorName.invalidArguments, "Requested bus name \"\(name)\" is not valid")
        }
        guard !name.hasPrefix(":") else {
            throw BusError(
                ErrorName.invalidArguments,
                "Cannot \(verb) a service starting with ':' such as \"\(name)\"")
        }
        guard name != WellKnown.bus else {
            throw BusError(
                ErrorName.invalidArguments, "Cannot \(verb) the bus's own name \"\(name)\"")
        }
    }

    mutating func addMatch(_ invocation: Invocation, _ text: String, from id: ConnectionID) throws(BusError) {
        guard peers[id]!.rules.count < limits.matchRulesPerConnection else {
            throw BusError(
                ErrorName.limitsExceeded,
                "Connection \"\(peers[id]!.uniqueName!)\" is not allowed to add more match rules")
        }
        peers[id]!.rules.append(try MatchRule(parsing: text))
        if let reply = invocation.reply() { send(reply, to: id) }
    }

    mutating func removeMatch(_ invocation: Invocation, _ text: String, from id: ConnectionID)
        throws(BusError)
    {
        let rule = try MatchRule(parsing: text)
        guard let place = peers[id]!.rules.lastIndex(of: rule) else {
            throw BusError(
                ErrorName.matchRuleNotFound, "The given match rule wasn't found and can't be removed")
        }
        peers[id]!.rules.remove(at: place)
        if let reply = invocation.reply() { send(reply, to: id) }
    }

    /// Turns a connection into a listener that sees everything and says nothing.
    mutating func becomeMonitor(_ invocation: Invocation, from id: ConnectionID) throws(BusError) {
        let userID = peers[id]!.credentials.userID
        guard userID == 0 || (userID != nil && userID == self.userID) else {
            throw BusError(ErrorName.accessDenied, "Only the bus's own user and root may monitor")
        }
        guard case .array(_, let texts) = invocation.arguments[0],
            case .uint32(let flags) = invocation.arguments[1]
        else { return }
        guard flags == 0 else {
            throw BusError(ErrorName.invalidArguments, "BecomeMonitor takes no flags, not \(flags)")
        }
        var rules: [MatchRule] = []
        for text in texts { rules.append(try MatchRule(parsing: text.text ?? "")) }
        if let reply = invocation.reply() { send(reply, to: id) }
        let name = peers[id]!.uniqueName
        peers[id]!.rules = []
        giveUpNames(of: id, unique: name, tellsLoser: true)
        dropReplies(of: id)
        peers[id]!.monitorRules = rules
    }

    /// Nothing is started here, so the variables concern nobody; who may set them is dbus-daemon's rule.
    mutating func updateEnvironment(_ invocation: Invocation, from id: ConnectionID) throws(BusError) {
        guard peers[id]!.credentials.userID == userID else {
            throw BusError(
                ErrorName.accessDenied, "Only the bus's own user may change the activation environment")
        }
        if let reply = invocation.reply() { send(reply, to: id) }
    }

    /// How the bus answers for itself when asked for the owner of its own name.
    var busCredentials: PeerCredentials { PeerCredentials(userID: userID, processID: processID) }
}
