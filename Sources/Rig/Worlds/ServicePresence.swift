package import DBusProtocol
internal import VirtualMedia

/// Finds out over the bus whether the service is there.
package enum ServicePresence {
    /// Connections that may break, and answers that may get lost, until the service has answered.
    private static let maximumAttempts = 16

    /// Returns once somebody has the service's name, has removed what an earlier process left, and answers.
    ///
    /// - Parameter connect: for this alone; what it gives is closed.
    package static func wait(
        connecting connect: () async throws(BusError) -> any BusConnection
    ) async throws(BusError) {
        var attempt = 1
        while true {
            do throws(BusError) { return try await ask(over: try await connect()) } catch {
                guard attempt < maximumAttempts else { throw error }
                attempt += 1
            }
        }
    }

    private static func ask(over connection: any BusConnection) async throws(BusError) {
        let rule = "type='signal',member='NameOwnerChanged',arg0='\(MediaInterfaces.busName)'"
        _ = try await connection.call(driver("AddMatch", rule))
        while true {
            let answer = try await connection.call(driver("NameHasOwner", MediaInterfaces.busName))
            if answer.body == [.boolean(true)] { break }
            for await message in connection.incoming where message.member == "NameOwnerChanged" { break }
        }
        // Calls are answered once what an earlier process left is removed.
        _ = try await connection.call(
            .methodCall(
                destination: MediaInterfaces.busName, path: MediaInterfaces.rootPath,
                interface: WellKnown.peer, member: "Ping"))
        await connection.close()
    }

    private static func driver(_ member: String, _ argument: String) -> Message {
        .methodCall(
            destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus, member: member,
            body: [.string(argument)])
    }
}
