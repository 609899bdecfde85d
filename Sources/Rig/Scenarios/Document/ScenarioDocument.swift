/// Scenarios as text and as nodes.
package enum ScenarioDocument {
    /// Reads YAML or JSON.
    ///
    /// - Throws: everything wrong with it, at once.
    package static func read(_ text: String, file: String) throws(ScenarioDocumentError) -> Scenario {
        let node: DocumentNode
        do { node = try YAMLReader.read(text) } catch { throw ScenarioDocumentError(file: file, [error]) }
        return try scenario(of: node, file: file)
    }

    /// - Parameter file: for complaints.
    package static func scenario(of node: DocumentNode, file: String = "scenario")
        throws(ScenarioDocumentError) -> Scenario
    {
        var reader = DocumentReader()
        let scenario = ScenarioFields.scenario.notation.read(node, &reader)
        var problems = reader.finish()
        if let scenario, problems.isEmpty { problems = problemsOfVariations(scenario, node) }
        guard let scenario, problems.isEmpty else { throw ScenarioDocumentError(file: file, problems) }
        return scenario
    }

    package static func node(of scenario: Scenario) -> DocumentNode {
        ScenarioFields.scenario.notation.write(scenario)
    }

    /// What ``read(_:file:)`` gives an equal scenario for.
    ///
    /// - Parameter schema: where an editor finds the schema, from the file on.
    package static func yaml(of scenario: Scenario, schema: String? = nil) -> String {
        let text = YAMLWriter.text(of: node(of: scenario))
        return schema.map { "# yaml-language-server: $schema=\($0)\n\(text)" } ?? text
    }

    package static func json(of scenario: Scenario) -> String { JSONWriter.text(of: node(of: scenario)) }

    /// Each value that may be drawn must be one that could have been written there.
    private static func problemsOfVariations(_ scenario: Scenario, _ node: DocumentNode) -> [ScenarioProblem]
    {
        guard let swarm = scenario.swarm, !swarm.variations.isEmpty else { return [] }
        var plain = scenario
        plain.swarm = nil
        let base = Self.node(of: plain)
        let probes = swarm.variations.mapValues(\.probes)
        // Values are tried all together, the first of each, then the second, …; only where something is
        // wrong one by one.
        let rounds = probes.values.map(\.count).max() ?? 0
        let isGood = (0..<rounds).allSatisfy { round in
            let values = probes.mapValues { $0[min(round, $0.count - 1)] }
            return problem(of: values, in: base) == nil
        }
        if isGood { return [] }
        var problems: [ScenarioProblem] = []
        for (path, values) in probes.sorted(by: { $0.key < $1.key }) {
            let mark = node["swarm"]?["vary"]?.entries?.first { $0.key == path }?.keyMark
            for value in values {
                guard let message = problem(of: [path: value], in: base) else { continue }
                problems.append(ScenarioProblem(value.mark ?? mark, path: "swarm.vary.\(path)", message))
            }
        }
        if problems.isEmpty {
            problems = [ScenarioProblem(node["swarm"]?.mark, path: "swarm.vary", "values do not go together")]
        }
        return problems
    }

    private static func problem(of values: [String: DocumentNode], in base: DocumentNode) -> String? {
        var changed = base
        do throws(DocumentPath.Failure) {
            for (path, value) in values.sorted(by: { $0.key < $1.key }) {
                try DocumentPath.set(value, at: path, in: &changed)
            }
        } catch { return error.message }
        var reader = DocumentReader()
        _ = ScenarioFields.scenario.notation.read(changed, &reader)
        return reader.finish().first.map { $0.path.isEmpty ? $0.message : "\($0.path): \($0.message)" }
    }
}

extension Scenario.Variation {
    /// Values that show whether all are allowed: each of a list, both ends of a range.
    var probes: [DocumentNode] {
        switch self {
        case .oneOf(let nodes): nodes
        case .between(let first, let last): DrawnRange(first, last)?.ends ?? []
        }
    }
}

/// The same keys as in documents.
extension Scenario: Codable {
    package init(from decoder: any Decoder) throws {
        self = try ScenarioDocument.scenario(of: DocumentNode(from: decoder))
    }

    package func encode(to encoder: any Encoder) throws {
        try ScenarioDocument.node(of: self).encode(to: encoder)
    }
}
