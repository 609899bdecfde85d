package import FaultPoints

/// Faults by name.
package struct FaultCatalogue: Sendable {
    /// By layer in the order of the path, then as their rooms list them.
    package let kinds: [FaultKind]
    private let byName: [String: Int]

    /// - Parameter kinds: no two of one name.
    package init(_ kinds: [FaultKind]) {
        self.kinds = kinds
        byName = Dictionary(uniqueKeysWithValues: kinds.enumerated().map { ($1.name, $0) })
    }

    /// Every fault there is.
    package static let standard = FaultCatalogue(
        FaultKind.ofTheStore + FaultKind.ofHTTP)

    package subscript(_ name: String) -> FaultKind? { byName[name].map { kinds[$0] } }

    package func kinds(of layer: FaultLayer) -> [FaultKind] { kinds.filter { $0.layer == layer } }

    /// Says whether a fault can be, and reads its parameters.
    package func check(_ fault: Fault) throws(FaultPlanError) -> (FaultKind, FaultParameters) {
        let name = fault.identifier.isEmpty ? fault.kind : fault.identifier
        guard let kind = self[fault.kind] else {
            throw .unknownKind(fault: name, kind: fault.kind, similar: similar(to: fault.kind))
        }
        let parameters = try FaultParameters(fault.parameters, of: kind, in: name)
        if let flaw = fault.trigger.flaw {
            throw .badTrigger(fault: name, trigger: fault.trigger, flaw: flaw)
        }
        if (fault.budget.times ?? 1) < 1 || (fault.budget.stall ?? .seconds(1)) <= .zero {
            throw .badBudget(fault: name)
        }
        if kind.manner == .struck, fault.duration != nil {
            throw .pointlessDuration(fault: name, kind: kind.name)
        }
        guard kind.manner == .met else { return (kind, parameters) }
        if let layer = fault.select.layer, layer != kind.metIn {
            throw .wrongLayer(fault: name, kind: kind.name, layer: layer.rawValue)
        }
        for operation in fault.select.operations where !kind.operations.isEmpty {
            guard kind.operations.contains(where: { Glob(operation).matches($0) }) else {
                throw .unknownOperation(
                    fault: name, kind: kind.name, operation: operation, known: kind.operations)
            }
        }
        return (kind, parameters)
    }

    /// Names that share a part with a misspelt one, at most five.
    private func similar(to name: String) -> [String] {
        let parts = name.split(whereSeparator: { $0 == "." || $0 == "-" }).map(String.init)
        let scored = kinds.map { kind in
            let own = kind.name.split(whereSeparator: { $0 == "." || $0 == "-" }).map(String.init)
            return (kind.name, parts.filter(own.contains).count)
        }
        let best = scored.map(\.1).max() ?? 0
        guard best > 0 else { return [] }
        return Array(scored.filter { $0.1 == best }.map(\.0).prefix(5))
    }
}
