import DBusProtocol

/// Who owns which name, and who waits for it (D-Bus specification, "RequestName", "ReleaseName").
struct NameRegistry {
    struct Flags: OptionSet {
        let rawValue: UInt32
        static let allowReplacement = Flags(rawValue: 1)
        static let replaceExisting = Flags(rawValue: 2)
        static let doNotQueue = Flags(rawValue: 4)
    }

    enum RequestResult: UInt32 {
        case primaryOwner = 1
        case inQueue = 2
        case exists = 3
        case alreadyOwner = 4
    }

    enum ReleaseResult: UInt32 {
        case released = 1
        case nonExistent = 2
        case notOwner = 3
    }

    /// A name changed hands; `nil` is nobody.
    struct Change: Equatable {
        let name: String
        let old: ConnectionID?
        let new: ConnectionID?
    }

    private struct Claim {
        let owner: ConnectionID
        var flags: Flags
    }

    /// First the owner, then those in the queue.
    private var claims: [String: [Claim]] = [:]

    /// Sorted, without the bus's own name.
    var names: [String] { claims.keys.sorted() }

    func owner(of name: String) -> ConnectionID? { claims[name]?.first?.owner }

    func queue(for name: String) -> [ConnectionID] { claims[name]?.map(\.owner) ?? [] }

    /// Names that a connection owns or waits for, sorted.
    func names(claimedBy connection: ConnectionID) -> [String] {
        names.filter { name in claims[name]!.contains { $0.owner == connection } }
    }

    mutating func request(_ name: String, for connection: ConnectionID, _ flags: Flags) -> (
        RequestResult, Change?
    ) {
        guard let owner = claims[name]?.first else {
            claims[name] = [Claim(owner: connection, flags: flags)]
            return (.primaryOwner, Change(name: name, old: nil, new: connection))
        }
        if owner.owner == connection {
            claims[name]![0].flags = flags
            return (.alreadyOwner, nil)
        }
        let canReplace = owner.flags.contains(.allowReplacement) && flags.contains(.replaceExisting)
        claims[name]!.removeAll { claim in
            claim.owner == connection && (canReplace || flags.contains(.doNotQueue))
        }
        if canReplace { return (.primaryOwner, replace(owner, name, Claim(owner: connection, flags: flags))) }
        if flags.contains(.doNotQueue) { return (.exists, nil) }
        enqueue(Claim(owner: connection, flags: flags), name)
        return (.inQueue, nil)
    }

    /// Gives up a name or a place in its queue.
    mutating func release(_ name: String, by connection: ConnectionID) -> (ReleaseResult, Change?) {
        guard let queue = claims[name] else { return (.nonExistent, nil) }
        guard let place = queue.firstIndex(where: { $0.owner == connection }) else { return (.notOwner, nil) }
        claims[name]!.remove(at: place)
        let next = claims[name]!.first?.owner
        if next == nil { claims[name] = nil }
        return (.released, place == 0 ? Change(name: name, old: connection, new: next) : nil)
    }

    private mutating func replace(_ old: Claim, _ name: String, _ new: Claim) -> Change {
        if old.flags.contains(.doNotQueue) { claims[name]!.removeFirst() }
        claims[name]!.insert(new, at: 0)
        return Change(name: name, old: old.owner, new: new.owner)
    }

    /// Who asked to replace the owner goes before the others, as in dbus-daemon.
    private mutating func enqueue(_ claim: Claim, _ name: String) {
        if let place = claims[name]!.firstIndex(where: { $0.owner == claim.owner }) {
            claims[name]![place].flags = claim.flags
            guard claim.flags.contains(.replaceExisting) else { return }
            claims[name]!.remove(at: place)
        }
        let place = claim.flags.contains(.replaceExisting) ? 1 : claims[name]!.count
        claims[name]!.insert(claim, at: place)
    }
}
