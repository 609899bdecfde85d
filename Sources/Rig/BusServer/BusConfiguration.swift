package import DBusProtocol
package import MessageBus

/// How a bus is set up.
package struct BusConfiguration: Sendable {
    /// Addresses as D-Bus writes them: "unix:path=/tmp/bus", "unix:abstract=…", "unix:tmpdir=/tmp".
    package var listen: [String]
    package var options = SocketServer.Options()
    package var limits = BusLimits()
    /// Whether a socket file that nobody listens on is taken over.
    package var replacesStaleSockets = false

    package init(listen: [String]) { self.listen = listen }

    /// Reads dbus-daemon's configuration format, as far as it says where to listen, how to
    /// authenticate, and what the limits are. Policies are not read: this bus lets everybody it admits
    /// own and send everything.
    ///
    /// - Throws: Failed with the cause and the element.
    package init(xml: String) throws(BusError) {
        self.init(listen: [])
        replacesStaleSockets = true
        var mechanisms: [AuthenticationMechanism] = []
        for element in XMLElements(xml) {
            switch element.name {
            case "listen": listen.append(element.text)
            case "auth": mechanisms += AuthenticationMechanism(rawValue: element.text).map { [$0] } ?? []
            case "allow_anonymous": mechanisms += [.anonymous]
            case "limit": try limits.set(element.attributes["name"] ?? "", element.text)
            case "allow" where element.attributes["user"] == "*": options.admitsEveryUser = true
            default: break
            }
        }
        if !mechanisms.isEmpty { options.mechanisms = mechanisms }
        guard !listen.isEmpty else {
            throw BusError(ErrorName.failed, "The configuration has no <listen> element")
        }
    }
}

extension BusLimits {
    /// Sets one of dbus-daemon's `<limit>`s. Durations are in milliseconds.
    mutating func set(_ name: String, _ text: String) throws(BusError) {
        guard let number = Int(text), number >= 0 else {
            throw BusError(ErrorName.failed, "<limit name=\"\(name)\"> is '\(text)', not a number from 0")
        }
        switch name {
        case "max_incoming_bytes": incomingBytes = number
        case "max_outgoing_bytes": outgoingBytes = number
        case "max_message_size": messageBytes = number
        case "max_message_unix_fds": messageDescriptors = number
        case "max_completed_connections": completedConnections = number
        case "max_incomplete_connections": incompleteConnections = number
        case "max_connections_per_user": connectionsPerUser = number
        case "max_names_per_connection": namesPerConnection = number
        case "max_match_rules_per_connection": matchRulesPerConnection = number
        case "max_replies_per_connection": repliesPerConnection = number
        case "reply_timeout": replyTimeout = .milliseconds(number)
        case "auth_timeout": authenticationTimeout = .milliseconds(number)
        case "pending_fd_timeout": descriptorTimeout = .milliseconds(number)
        case "max_incoming_unix_fds", "max_outgoing_unix_fds", "service_start_timeout",
            "max_pending_service_starts", "max_containers", "max_containers_per_user",
            "max_container_metadata_bytes", "max_connections_per_container":
            break
        default: throw BusError(ErrorName.failed, "<limit name=\"\(name)\"> is unknown")
        }
    }
}

extension BusConfiguration {
    /// The address of a socket path, escaped as addresses are.
    package static func address(ofPath path: String) -> String {
        ServerAddress(transport: "unix", parameters: ["path": path]).text
    }
}
