package import DBusProtocol
package import VirtualMedia

/// Drives one slot over D-Bus as any front does, and knows nothing of the service behind it.
package final class SlotClient: Sendable {
    package static let busName = "xyz.openbmc_project.VirtualMedia"
    package static let root = "/xyz/openbmc_project/VirtualMedia"

    package let path: String
    private let connection: any BusConnection
    private let modeInterface: String
    private let clock: any MediaClock
    private let spawner: any Spawner
    private let completions = Mailbox<Int32>()
    private let listener: any SpawnedTask

    /// - Parameter connection: this client's alone; it reads its incoming messages.
    package init(
        slot: String, isLegacy: Bool, connection: any BusConnection, clock: any MediaClock,
        spawner: any Spawner
    ) async throws(BusError) {
        let mode = isLegacy ? "Legacy" : "Proxy"
        path = "\(Self.root)/\(mode)/\(slot)"
        modeInterface = "\(Self.busName).\(mode)"
        self.connection = connection
        self.clock = clock
        self.spawner = spawner
        let (completions, path) = (completions, path)
        listener = spawner.spawn("client of \(slot)", .shared) {
            for await message in connection.incoming
            where message.kind == .signal && message.member == "Completion" && message.path == path {
                if case .int32(let code)? = message.body.first { completions.put(code) }
            }
        }
        let rule = "type='signal',interface='\(modeInterface)',member='Completion',path='\(path)'"
        _ = try await connection.call(
            .methodCall(
                destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus",
                interface: "org.freedesktop.DBus",
                member: "AddMatch", body: [.string(rule)]))
    }

    package func close() async {
        await connection.close()
        listener.cancel()
    }

    /// Asks for a mount. It is accepted when this returns; the outcome comes as ``completion(within:)``.
    package func mount(_ arguments: [Value] = [], passing descriptors: [PassedDescriptor] = [])
        async throws(BusError)
    {
        var message = Message.methodCall(
            destination: Self.busName, path: path, interface: modeInterface, member: "Mount", body: arguments)
        message.descriptors = descriptors
        _ = try await connection.call(message)
    }

    package func unmount() async throws(BusError) {
        _ = try await call(modeInterface, "Unmount", [])
    }

    /// - Returns: the next completion code, or `nil` when none came in time.
    package func completion(within limit: Duration) async -> Int32? {
        await completions.next(within: limit, clock, spawner)
    }

    /// All properties of the slot's object, interface by interface.
    package func properties() async throws(BusError) -> [String: Value] {
        let reply = try await connection.call(
            .methodCall(
                destination: Self.busName, path: Self.root, interface: "org.freedesktop.DBus.ObjectManager",
                member: "GetManagedObjects"))
        guard case .dictionary(_, _, let objects)? = reply.body.first,
            case .dictionary(_, _, let interfaces)? = objects.first(where: { $0.key == .objectPath(path) })?
                .value
        else { throw BusError("org.freedesktop.DBus.Error.UnknownObject", "no object \(path)") }
        var found: [String: Value] = [:]
        for interface in interfaces {
            guard case .string(let name) = interface.key,
                case .dictionary(_, _, let entries) = interface.value
            else { continue }
            for entry in entries {
                guard case .string(let property) = entry.key, case .variant(let value) = entry.value else {
                    continue
                }
                found[name.split(separator: ".").last.map { "\($0).\(property)" } ?? property] = value
            }
        }
        return found
    }

    package func call(_ interface: String, _ member: String, _ body: [Value]) async throws(BusError)
        -> Message
    {
        try await connection.call(
            .methodCall(
                destination: Self.busName, path: path, interface: interface, member: member, body: body))
    }
}
