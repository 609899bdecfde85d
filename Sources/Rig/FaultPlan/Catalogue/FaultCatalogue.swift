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
        [
            FaultKind.ofTheStore, FaultKind.ofHTTP, FaultKind.ofTLS, FaultKind.ofSMB, FaultKind.ofNBD,
            FaultKind.ofTheDevice, FaultKind.ofUevents, FaultKind.ofConfigfs, FaultKind.ofDBus,
            FaultKind.ofUSB, FaultKind.ofTheHost, FaultKind.ofProcesses, FaultKind.ofTheClock,
            FaultKind.ofResources, FaultKind.ofPower, FaultKind.ofTheNetwork, FaultKind.ofTheLadder,
        ].flatMap { $0 })

    package subscript(_ name: String) -> FaultKind? { byName[name].map { kinds[$0] } }

    package func kinds(of layer: FaultLayer) -> [FaultKind] { kinds.filter { $0.layer == layer } }

    /// Those whose names fit a pattern with `*` and `?`.
    package func kinds(named pattern: String) -> [FaultKind] {
        let pattern = Glob(pattern)
        return kinds.filter { pattern.matches($0.name) }
    }

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

    /// The three names that begin most like a misspelt one, or none that does.
    package func similar(to name: String) -> [String] {
        let scored = kinds.map { ($0.name, zip($0.name, name).prefix { $0 == $1 }.count) }
        let best = scored.map(\.1).max() ?? 0
        guard best > 2 else { return [] }
        return Array(scored.filter { $0.1 >= best - 1 }.sorted { $0.1 > $1.1 }.map(\.0).prefix(3))
    }
}
