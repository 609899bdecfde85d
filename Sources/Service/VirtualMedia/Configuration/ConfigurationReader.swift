/// Reads the configuration file of the OpenBMC virtual media service, in the spelling of its design
/// document and in that of the shipped service, with optional keys of our own
/// (docs/configuration.md).
package struct ConfigurationReader {
    package struct Result: Equatable, Sendable {
        /// `nil` when an issue is an error.
        package var configuration: MediaConfiguration?
        /// In the order of the text.
        package var issues: [ConfigurationIssue]
    }

    /// 1800 s, when the file says nothing: what the shipped file has.
    package static let defaultInactivitySeconds: UInt16 = 1800

    let file: String
    var issues: [ConfigurationIssue] = []

    /// - Parameter file: Named in every issue.
    package static func read(_ text: [UInt8], file: String) -> Result {
        var reader = ConfigurationReader(file: file)
        let root: JSONNode
        do throws(JSONSyntaxError) { root = try JSONReader.read(text) } catch {
            let issue = ConfigurationIssue(
                severity: .error, file: file, position: error.position, keyPath: "", cause: error.message,
                remedy: "correct the JSON")
            return Result(configuration: nil, issues: [issue])
        }
        let configuration = reader.configuration(root)
        let issues = reader.issues.sorted {
            ($0.position.line, $0.position.column) < ($1.position.line, $1.position.column)
        }
        let isUsable = !issues.contains { $0.severity == .error }
        return Result(configuration: isUsable ? configuration : nil, issues: issues)
    }

    private mutating func configuration(_ root: JSONNode) -> MediaConfiguration {
        var inactivity: UInt16? = Self.defaultInactivitySeconds
        var slots: [(SlotConfiguration, TextPosition)] = []
        var hasMountPoints = false
        for member in members(of: root, at: "") {
            switch member.key {
            case "InactivityTimeout": inactivity = inactivitySeconds(member, at: member.key)
            case "MountPoints":
                hasMountPoints = true
                for slot in members(of: member.node, at: member.key) {
                    if let configuration = self.slot(slot) { slots.append((configuration, slot.position)) }
                }
            default:
                warnUnknown(
                    member, at: member.key, known: ["InactivityTimeout", "MountPoints"])
            }
        }
        if !hasMountPoints {
            report(
                root.position, "", "there are no mount points", "add \"MountPoints\": { \"Slot_0\": { … } }")
        }
        checkDuplicates(slots)
        return MediaConfiguration(
            slots: slots.map { slot, _ in
                var slot = slot
                if slot.inactivitySeconds == Self.inherited { slot.inactivitySeconds = inactivity }
                return slot
            })
    }

    /// Stands for "as the file says for all", until all of the file is read.
    static let inherited = UInt16.max

    /// Slots that share what only one can have would fail one day; here they fail at once.
    private mutating func checkDuplicates(_ slots: [(SlotConfiguration, TextPosition)]) {
        let things: [(String, @Sendable (SlotConfiguration) -> String)] = [
            ("NBDDevice", { $0.device }), ("UnixSocket", { $0.mode == .proxy ? $0.socket : "" }),
            ("EndpointId", { $0.endpoint }),
        ]
        for (key, value) in things {
            var owners: [String: String] = [:]
            for (slot, position) in slots where !value(slot).isEmpty {
                if let owner = owners[value(slot)] {
                    report(
                        position, "MountPoints.\(slot.name).\(key)",
                        "'\(value(slot))' is that of \(owner) too", "give each mount point its own")
                } else {
                    owners[value(slot)] = slot.name
                }
            }
        }
    }

    // MARK: Reporting

    mutating func report(
        _ position: TextPosition, _ keyPath: String, _ cause: String, _ remedy: String,
        _ severity: ConfigurationIssue.Severity = .error
    ) {
        issues.append(
            ConfigurationIssue(
                severity: severity, file: file, position: position, keyPath: keyPath, cause: cause,
                remedy: remedy))
    }

    mutating func warnUnknown(_ member: JSONNode.Member, at keyPath: String, known: [String]) {
        let similar = known.first { $0.lowercased() == member.key.lowercased() }
        let remedy = similar.map { "write \($0)" } ?? "known keys are \(known.joined(separator: ", "))"
        report(member.position, keyPath, "this key is not known and has no effect", remedy, .warning)
    }

    /// The members of an object; a key that comes twice is an error, and nothing else is an object.
    mutating func members(of node: JSONNode, at keyPath: String) -> [JSONNode.Member] {
        guard case .object(let members) = node.value else {
            report(node.position, keyPath, "found \(node.kind)", "write an object in braces")
            return []
        }
        var seen: Set<String> = []
        for member in members where !seen.insert(member.key).inserted {
            let path = keyPath.isEmpty ? member.key : "\(keyPath).\(member.key)"
            report(member.position, path, "this key comes twice", "remove one of the two")
        }
        return members
    }
}
