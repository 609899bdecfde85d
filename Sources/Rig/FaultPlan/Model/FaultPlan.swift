/// The faults of a run, and the seed of all chance in them.
package struct FaultPlan: Equatable, Sendable {
    package static let maximumFaults = 1000

    /// That of the run if `nil`.
    package var seed: UInt64?
    package var faults: [Fault]

    package init(seed: UInt64? = nil, _ faults: [Fault] = []) {
        self.seed = seed
        self.faults = faults
    }

    /// The same plan with nothing left open: every fault has an identifier, its stream, its
    /// expectation, and all parameters; and is known to be possible. Resolving it again, or a part of
    /// it, changes nothing, so any selection of its faults draws what it drew in the whole.
    ///
    /// - Throws: ``FaultPlanError`` for the first fault that cannot be.
    package func resolve(seed: UInt64, catalogue: FaultCatalogue = .standard) throws(FaultPlanError)
        -> FaultPlan
    {
        guard faults.count <= Self.maximumFaults else { throw .tooManyFaults(limit: Self.maximumFaults) }
        var taken = Set(faults.map(\.identifier))
        var seen: Set<String> = []
        var resolved = FaultPlan(seed: self.seed ?? seed)
        for (index, fault) in faults.enumerated() {
            var fault = fault
            if fault.identifier.isEmpty { fault.identifier = Self.freshName(from: index + 1, notIn: taken) }
            taken.insert(fault.identifier)
            guard seen.insert(fault.identifier).inserted else { throw .duplicateIdentifier(fault.identifier) }
            let (kind, _) = try catalogue.check(fault)
            for rule in kind.parameters where fault.parameters[rule.name] == nil {
                fault.parameters[rule.name] = rule.standard
            }
            fault.expect = fault.expect ?? kind.expectation
            fault.stream = fault.streamName
            resolved.faults.append(fault)
        }
        return resolved
    }

    static func freshName(from number: Int, notIn taken: Set<String>) -> String {
        var number = number
        while taken.contains("f\(number)") { number += 1 }
        return "f\(number)"
    }

    /// One line for each fault, for logs and reports.
    package var lines: [String] { faults.map(\.description) }
}

extension FaultPlan: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case seed, faults }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.self)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        seed = try container.decodeIfPresent(UInt64.self, forKey: .seed)
        faults = try container.decodeIfPresent([Fault].self, forKey: .faults) ?? []
    }
}
