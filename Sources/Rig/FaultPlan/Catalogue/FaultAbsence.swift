internal import FaultPoints

extension FaultKind {
    /// Why a world does not have the fault; `nil` where it does.
    package func absence(in world: FaultWorld) -> String? {
        guard !worlds.contains(world) else { return nil }
        switch world {
        case .sim:
            return layer == .smb
                ? "The image store in memory is an HTTPS server; a share is for the store and for real kernels."
                : "Nothing in memory asks for it."
        case .store:
            return "The store alone has no BMC and no host, and no network but this machine's."
        case .emulated:
            return layer == .clock
                ? "Time is this machine's own, and nobody may turn its clock."
                : "Its parts are real, and nothing stands where this would be put in."
        case .kernel:
            return "Nothing can be put inside a running kernel, or between it and its devices."
        }
    }
}

extension CatalogueText {
    /// Which faults a world does not have, and why: a line for each reason.
    static func absences(_ catalogue: FaultCatalogue) -> String {
        var lines: [String] = []
        for world in FaultWorld.allCases {
            let missing = catalogue.kinds.compactMap { kind in
                kind.absence(in: world).map { (layer: kind.layer, name: kind.name, reason: $0) }
            }
            var reasons: [String] = []
            for entry in missing where !reasons.contains(entry.reason) { reasons.append(entry.reason) }
            for reason in reasons {
                let kinds = missing.filter { $0.reason == reason }
                lines.append("| \(world.rawValue) | \(reason) | \(names(kinds, catalogue)) |")
            }
        }
        return """
            ## What a world does not have

            | world | why | faults |
            |---|---|---|
            \(lines.joined(separator: "\n"))

            """
    }

    /// A whole layer by its heading, single faults by name.
    private static func names(
        _ kinds: [(layer: FaultLayer, name: String, reason: String)], _ catalogue: FaultCatalogue
    ) -> String {
        FaultLayer.allCases.flatMap { layer -> [String] in
            let own = kinds.filter { $0.layer == layer }
            guard !own.isEmpty else { return [] }
            if own.count == catalogue.kinds(of: layer).count { return ["all of “\(heading(layer))”"] }
            return own.map { "`\($0.name)`" }
        }.joined(separator: ", ")
    }
}
