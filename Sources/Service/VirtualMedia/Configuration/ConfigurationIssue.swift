/// A mistake in a configuration file, for the person who has to mend it.
package struct ConfigurationIssue: Error, Equatable, Sendable {
    package enum Severity: String, Sendable {
        /// The service does not start with it.
        case error
        /// Probably not what was meant; the service starts all the same.
        case warning
    }

    package let severity: Severity
    package let file: String
    package let position: TextPosition
    /// "MountPoints.Slot_0.Timeout"; empty for the text as a whole.
    package let keyPath: String
    /// What was found.
    package let cause: String
    /// What to write instead.
    package let remedy: String
}

extension ConfigurationIssue: CustomStringConvertible {
    /// "/etc/virtual-media.json:7:16: error: MountPoints.Slot_0.Mode: found 2; write 0 (Proxy) or 1 (Legacy)"
    package var description: String {
        let place = keyPath.isEmpty ? "" : "\(keyPath): "
        return
            "\(file):\(position.line):\(position.column): \(severity.rawValue): \(place)\(cause); \(remedy)"
    }
}
