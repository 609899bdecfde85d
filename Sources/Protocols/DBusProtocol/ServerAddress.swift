import WireFormat

/// Where a bus listens (D-Bus specification, "Server Addresses"): "unix:path=/run/bus,guid=…".
package struct ServerAddress: Equatable, Sendable {
    /// "unix"
    package let transport: String
    /// Unescaped.
    package let parameters: [String: String]

    package init(transport: String, parameters: [String: String]) {
        self.transport = transport
        self.parameters = parameters
    }

    /// The alternatives of a list separated by semicolons, in order.
    ///
    /// - Throws: BadAddress with the cause.
    package static func parse(_ text: String) throws(BusError) -> [ServerAddress] {
        var addresses: [ServerAddress] = []
        for entry in text.split(separator: ";") { addresses.append(try parseEntry(entry)) }
        guard !addresses.isEmpty else { throw BusError(ErrorName.badAddress, "Address is empty") }
        return addresses
    }

    private static func parseEntry(_ entry: Substring) throws(BusError) -> ServerAddress {
        guard let colon = entry.firstIndex(of: ":"), colon > entry.startIndex else {
            throw BusError(ErrorName.badAddress, "Address '\(entry)' names no transport")
        }
        var parameters: [String: String] = [:]
        for pair in entry[entry.index(after: colon)...].split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let value = unescape(parts[1]) else {
                throw BusError(ErrorName.badAddress, "'\(pair)' in an address is not key=value")
            }
            guard parameters.updateValue(value, forKey: String(parts[0])) == nil else {
                throw BusError(ErrorName.badAddress, "'\(parts[0])' is in an address twice")
            }
        }
        return ServerAddress(transport: String(entry[..<colon]), parameters: parameters)
    }

    private static func unescape(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let digits = String(rest.prefix(2)),
                let value = Hexadecimal.bytes(digits)
            else { return nil }
            bytes += value
            rest.removeFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// As text, with everything escaped that has to be.
    package var text: String {
        let pairs = parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.escape($0.value))" }
        return transport + ":" + pairs.joined(separator: ",")
    }

    private static func escape(_ text: String) -> String {
        text.utf8.map { byte in
            let plain = "-_/.*"
            let scalar = UnicodeScalar(byte)
            let isPlain =
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (byte < 0x80 && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20))
                || plain.unicodeScalars.contains(scalar)
            return isPlain ? String(scalar) : "%" + Hexadecimal.text(CollectionOfOne(byte))
        }.joined()
    }
}
