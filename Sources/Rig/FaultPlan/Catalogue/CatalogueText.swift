package import FaultPoints

/// The catalogue as pages and listings.
package enum CatalogueText {
    /// A section for each layer with a row for each of its faults: what docs/faults.md ends with.
    package static func markdown(_ catalogue: FaultCatalogue) -> String {
        FaultLayer.allCases.map { layer in
            let kinds = catalogue.kinds(of: layer)
            guard !kinds.isEmpty else { return "" }
            let rows = kinds.map(row).joined(separator: "\n")
            return """
                ## \(heading(layer))

                | fault | parameters | what it does | what must happen | worlds |
                |---|---|---|---|---|
                \(rows)

                """
        }.joined(separator: "\n") + "\n" + absences(catalogue)
    }

    package static func heading(_ layer: FaultLayer) -> String {
        switch layer {
        case .store: "The store's files"
        case .http: "HTTP"
        case .tls: "TLS"
        case .smb: "SMB"
        case .nbdSocket: "NBD"
        case .nbdDevice: "The nbd device"
        case .uevent: "Kernel events"
        case .configfs: "configfs"
        case .dbus: "D-Bus"
        case .usb: "USB, Bulk-Only Transport, SCSI"
        case .host: "The host"
        case .process: "Processes"
        case .clock: "Clock"
        case .resource: "Resources"
        case .power: "Power"
        case .network: "Network"
        }
    }

    static func row(_ kind: FaultKind) -> String {
        let parameters = kind.parameters.map { "`\($0.name)`: \(shortForm($0))" }
        let cells = [
            "`\(kind.name)`", parameters.joined(separator: "<br>"), "\(kind.effect) (\(occasions(kind)))",
            "\(kind.expected) **\(kind.expectation)**", kind.worlds.map(\.rawValue).joined(separator: ", "),
        ]
        return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }

    /// "a latency: …, 250ms if not given: how much later".
    private static func shortForm(_ rule: ParameterRule) -> String {
        // The forms of latencies, errnos and senses are explained above the tables.
        let form =
            switch rule.form {
            case .latency: "latency"
            case .errno: "errno"
            case .sense: "sense"
            default: rule.form.description
            }
        return "\(form)\(standing(rule)); \(rule.meaning)\(rule.unit.isEmpty ? "" : ", in \(rule.unit)")"
    }

    private static func standing(_ rule: ParameterRule) -> String {
        if let standard = rule.standard { return " (\(standard))" }
        return rule.isOptional ? " (optional)" : " (required)"
    }

    /// When it happens, in the words of a selector.
    private static func occasions(_ kind: FaultKind) -> String {
        switch kind.manner {
        case .met where kind.operations == FaultKind.scsiCommands: "on any command, by its name"
        case .met: "on " + kind.operations.joined(separator: ", ")
        case .struck: "strikes"
        case .lasting: "strikes and lasts"
        }
    }

    /// One fault in full, for a terminal.
    package static func details(_ kind: FaultKind) -> String {
        var lines = [
            "\(kind.name)  (\(kind.layer.rawValue); \(occasions(kind)))", "  \(kind.effect)",
            "  expected: \(kind.expected) [\(kind.expectation)]",
            "  worlds: " + kind.worlds.map(\.rawValue).joined(separator: ", "),
        ]
        for world in FaultWorld.allCases {
            if let reason = kind.absence(in: world) { lines.append("  not in \(world.rawValue): \(reason)") }
        }
        for rule in kind.parameters {
            lines.append("  \(rule.name): \(rule.form)\(standing(rule))")
            lines.append("      \(rule.meaning)\(rule.unit.isEmpty ? "" : ", in \(rule.unit)")")
        }
        return lines.joined(separator: "\n")
    }

    /// Names and effects, a line each, layer by layer.
    package static func list(_ kinds: [FaultKind]) -> String {
        let width = kinds.map(\.name.count).max() ?? 0
        return FaultLayer.allCases.compactMap { layer in
            let own = kinds.filter { $0.layer == layer }
            guard !own.isEmpty else { return nil }
            let lines = own.map { kind in
                "  " + kind.name + String(repeating: " ", count: width - kind.name.count + 2) + kind.effect
            }
            return ([heading(layer)] + lines).joined(separator: "\n")
        }.joined(separator: "\n\n")
    }
}

/// One fault of the catalogue for programs.
package struct FaultKindRecord: Codable, Equatable, Sendable {
    package struct Parameter: Codable, Equatable, Sendable {
        var name: String
        var form: String
        var standard: ParameterValue?
        var isRequired: Bool
        var unit: String
        var meaning: String
    }
    package var name: String
    package var layer: FaultLayer
    package var manner: FaultKind.Manner
    package var codes: [String]
    package var operations: [String]
    package var parameters: [Parameter]
    package var effect: String
    package var expected: String
    package var expectation: FaultExpectation
    package var worlds: [FaultWorld]

    package init(_ kind: FaultKind) {
        name = kind.name
        layer = kind.layer
        manner = kind.manner
        codes = kind.codes
        operations = kind.operations
        parameters = kind.parameters.map { rule in
            Parameter(
                name: rule.name, form: rule.form.description, standard: rule.standard,
                isRequired: rule.standard == nil && !rule.isOptional, unit: rule.unit, meaning: rule.meaning)
        }
        effect = kind.effect
        expected = kind.expected
        expectation = kind.expectation
        worlds = kind.worlds
    }
}
