import DBusProtocol

/// Names come, change hands and go; everybody concerned is told.
extension BusCore {
    /// Tells of a change in dbus-daemon's order: who lost it, everybody, who got it.
    ///
    /// - Parameter tellsLoser: not when the loser has hung up.
    mutating func announce(_ change: NameRegistry.Change, tellsLoser: Bool = true) {
        if let old = change.old, tellsLoser { tell(old, "NameLost", change.name) }
        let names = [change.old, change.new].map { id in
            Value.string(id.flatMap { peers[$0]?.uniqueName } ?? "")
        }
        broadcast(
            .signal(
                path: WellKnown.busPath, interface: WellKnown.bus, member: "NameOwnerChanged",
                body: [.string(change.name)] + names))
        if let new = change.new { tell(new, "NameAcquired", change.name) }
    }

    mutating func tell(_ id: ConnectionID, _ member: String, _ name: String) {
        guard peers[id] != nil else { return }
        send(
            .signal(
                path: WellKnown.busPath, interface: WellKnown.bus, member: member, body: [.string(name)]),
            to: id)
    }

    /// Forgets a connection: its names first, while others can still be told whose they were.
    mutating func remove(_ id: ConnectionID) {
        guard let peer = peers[id] else { return }
        peers[id]!.rules = []
        peers[id]!.monitorRules = nil
        giveUpNames(of: id, unique: peer.uniqueName, tellsLoser: false)
        peers[id] = nil
        dropReplies(of: id)
    }

    /// Well-known names first, the unique one last.
    mutating func giveUpNames(of id: ConnectionID, unique: String?, tellsLoser: Bool) {
        for name in registry.names(claimedBy: id) where name != unique {
            if let change = registry.release(name, by: id).1 { announce(change, tellsLoser: tellsLoser) }
        }
        if let unique, let change = registry.release(unique, by: id).1 {
            announce(change, tellsLoser: tellsLoser)
        }
    }
}
