import VirtualMedia

/// Where images may be fetched from: without it, whoever may insert media could have the BMC look into
/// places that only the BMC can reach.
package struct ImageSourcePolicy: Sendable, Equatable {
    /// Schemes that the virtual media service opens, with the word that Redfish has for each.
    package var schemes: [String: String] = ["https": "HTTPS"]
    /// If not empty: only hosts of these names, or below those that begin with a dot.
    package var allowedHosts: [String] = []
    /// Names and addresses that nobody may use, as above.
    package var refusedHosts: [String] = []
    /// Whether administrators may use the BMC's own addresses.
    package var letsAdministratorsUseLocalAddresses = true

    package init() {}

    /// - Parameters:
    ///   - host: as it stands in the URL, without a port.
    /// - Returns: whether images may come from there.
    package func allows(host: String, for role: Role) -> Bool {
        let name = Self.normalised(host)
        if refusedHosts.contains(where: { Self.matches(name, $0) }) { return false }
        if !allowedHosts.isEmpty, !allowedHosts.contains(where: { Self.matches(name, $0) }) { return false }
        return !Self.isLocal(name) || allowsLocalAddresses(for: role)
    }

    /// Whether images may come from the BMC's own addresses, whatever name leads there.
    package func allowsLocalAddresses(for role: Role) -> Bool {
        letsAdministratorsUseLocalAddresses && role == .administrator
    }

    private static func matches(_ name: String, _ pattern: String) -> Bool {
        let pattern = normalised(pattern)
        return pattern.hasPrefix(".") ? name.hasSuffix(pattern) : name == pattern
    }

    private static func normalised(_ host: String) -> String {
        var name = host.lowercased()
        if name.hasPrefix("["), name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
        while name.hasSuffix(".") { name.removeLast() }
        return name
    }

    /// Loopback, link-local and unspecified addresses, in every spelling that resolvers take; and names
    /// that mean them.
    static func isLocal(_ name: String) -> Bool {
        if name == "localhost" || name.hasSuffix(".localhost") || name.hasSuffix(".local") || name.isEmpty {
            return true
        }
        if let address = IPAddresses.version4(name) { return IPAddresses.isLocal(version4: address) }
        if name.contains(":") {
            // What looks like an address and cannot be read is not given the benefit of the doubt.
            guard let words = IPAddresses.version6(name) else { return true }
            return IPAddresses.isLocal(version6: words)
        }
        return false
    }
}
