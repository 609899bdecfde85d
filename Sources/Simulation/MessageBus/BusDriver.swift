import DBusProtocol

/// Calls to the bus itself.
extension BusCore {
    mutating func drive(_ envelope: Envelope, from id: ConnectionID) {
        guard envelope.header.kind == .methodCall, var call = try? envelope.message() else { return }
        if call.path != WellKnown.busPath, let error = Self.obstacleElsewhere(call) {
            return refuse(envelope, from: id, error)
        }
        // The bus's other own methods work at every path, as they always have in dbus-daemon.
        let isOwn = BusDriverInterface.bus.methods.contains { $0.name == call.member }
        if call.interface == WellKnown.bus || (call.interface == nil && isOwn) {
            call.path = WellKnown.busPath
        }
        switch driver.handle(call) {
        case .send(let reply): send(reply, to: id)
        case .invoke(let invocation):
            do throws(BusError) {
                try invoke(invocation, from: id)
            } catch {
                if let failure = invocation.failure(error) { send(failure, to: id) }
            }
        case .write, .nothing: break
        }
    }

    /// What came after policies began to look at paths works at the bus's own path only.
    private static func obstacleElsewhere(_ call: Message) -> BusError? {
        let place = "is only available at \(WellKnown.busPath)"
        if call.interface == WellKnown.monitoring {
            return BusError(ErrorName.unknownInterface, "Interface \"\(WellKnown.monitoring)\" \(place)")
        }
        let isOwn = call.interface == nil || call.interface == WellKnown.bus
        guard isOwn, call.member == "UpdateActivationEnvironment" else { return nil }
        return BusError(ErrorName.accessDenied, "Method \"UpdateActivationEnvironment\" \(place)")
    }

    private mutating func invoke(_ invocation: Invocation, from id: ConnectionID) throws(BusError) {
        let arguments = invocation.arguments
        let name = arguments.first?.text ?? ""
        switch invocation.member {
        case "Hello": try hello(invocation, from: id)
        case "RequestName": try requestName(invocation, name, from: id)
        case "ReleaseName": try releaseName(invocation, name, from: id)
        case "AddMatch": try addMatch(invocation, name, from: id)
        case "RemoveMatch": try removeMatch(invocation, name, from: id)
        case "BecomeMonitor": try becomeMonitor(invocation, from: id)
        case "UpdateActivationEnvironment": try updateEnvironment(invocation, from: id)
        default:
            let results = try query(invocation.member, name, arguments)
            if let reply = invocation.reply(results) { send(reply, to: id) }
        }
    }

    /// Methods that change nothing.
    private func query(_ member: String, _ name: String, _ arguments: [Value]) throws(BusError) -> [Value] {
        switch member {
        case "ListNames": return [strings([WellKnown.bus] + registry.names)]
        case "ListActivatableNames": return [strings(activatableNames)]
        case "NameHasOwner": return [.boolean(name == WellKnown.bus || registry.owner(of: name) != nil)]
        case "GetNameOwner":
            if name == WellKnown.bus { return [.string(WellKnown.bus)] }
            return [.string(peers[try existing(name)]!.uniqueName!)]
        case "ListQueuedOwners":
            if name == WellKnown.bus { return [strings([WellKnown.bus])] }
            _ = try existing(name)
            return [strings(registry.queue(for: name).compactMap { peers[$0]?.uniqueName })]
        case "StartServiceByName": return [.uint32(try start(name))]
        case "ReloadConfig": return []
        case "GetId": return [.string(guid)]
        default: return [try credential(member, name)]
        }
    }

    /// Nothing is ever started here; a name that runs, runs already.
    private func start(_ name: String) throws(BusError) -> UInt32 {
        let alreadyRunning: UInt32 = 2
        guard name == WellKnown.bus || registry.owner(of: name) != nil else {
            throw BusError(
                ErrorName.serviceUnknown, "The name \(name) was not provided by any .service files")
        }
        return alreadyRunning
    }

    private func credential(_ member: String, _ name: String) throws(BusError) -> Value {
        let credentials = name == WellKnown.bus ? busCredentials : peers[try existing(name)]!.credentials
        switch member {
        case "GetConnectionUnixUser":
            guard let userID = credentials.userID else {
                throw BusError(ErrorName.failed, "Could not determine UID for '\(name)'")
            }
            return .uint32(userID)
        case "GetConnectionUnixProcessID":
            guard let processID = credentials.processID else {
                throw BusError(
                    "org.freedesktop.DBus.Error.UnixProcessIdUnknown",
                    "Could not determine PID for '\(name)'")
            }
            return .uint32(processID)
        case "GetConnectionCredentials": return dictionary(credentials)
        case "GetConnectionSELinuxSecurityContext":
            throw BusError(
                "org.freedesktop.DBus.Error.SELinuxSecurityContextUnknown",
                "Could not determine security context for '\(name)'")
        default:
            throw BusError(
                "org.freedesktop.DBus.Error.AdtAuditDataUnknown",
                "Could not determine audit session data for '\(name)'")
        }
    }

    private func dictionary(_ credentials: PeerCredentials) -> Value {
        var entries: [Value.Entry] = []
        if let userID = credentials.userID {
            entries.append(.init(.string("UnixUserID"), .variant(.uint32(userID))))
        }
        if !credentials.groupIDs.isEmpty {
            let groups = Value.array(element: "u", credentials.groupIDs.sorted().map(Value.uint32))
            entries.append(.init(.string("UnixGroupIDs"), .variant(groups)))
        }
        if let processID = credentials.processID {
            entries.append(.init(.string("ProcessID"), .variant(.uint32(processID))))
        }
        return .dictionary(key: "s", value: "v", entries)
    }

    private func existing(_ name: String) throws(BusError) -> ConnectionID {
        guard let id = registry.owner(of: name) else {
            throw BusError(ErrorName.nameHasNoOwner, "Could not get owner of name '\(name)': no such name")
        }
        return id
    }

    private func strings(_ texts: [String]) -> Value { .array(element: "s", texts.map(Value.string)) }
}
