/// The parameters of one fault after they were checked against its kind: every one that the kind
/// names is there, in its plainest form, unless it is optional and was not given.
///
/// Asking for one that the kind does not name, or in another form, is our mistake and traps.
package struct FaultParameters: Equatable, Sendable {
    package let values: [String: ParameterValue]

    /// - Throws: when one is unknown, missing, or not what its rule says.
    init(_ given: [String: ParameterValue], of kind: FaultKind, in fault: String) throws(FaultPlanError) {
        for name in given.keys.sorted() where !kind.parameters.contains(where: { $0.name == name }) {
            throw .unknownParameter(
                fault: fault, kind: kind.name, name: name, known: kind.parameters.map(\.name))
        }
        var values: [String: ParameterValue] = [:]
        for rule in kind.parameters {
            guard let value = given[rule.name] ?? rule.standard else {
                if rule.isOptional { continue }
                throw .missingParameter(fault: fault, kind: kind.name, name: rule.name, form: rule.form)
            }
            guard let normal = rule.normalise(value) else {
                throw .badParameter(
                    fault: fault, kind: kind.name, name: rule.name, value: value, form: rule.form)
            }
            values[rule.name] = normal
        }
        self.values = values
    }

    package func has(_ name: String) -> Bool { values[name] != nil }

    package func integer(_ name: String) -> Int64 {
        guard case .integer(let value) = values[name] else { preconditionFailure("no integer \(name)") }
        return value
    }

    package func int(_ name: String) -> Int { Int(integer(name)) }
    package func errno(_ name: String) -> CInt { CInt(integer(name)) }

    package func number(_ name: String) -> Double {
        guard case .number(let value) = values[name] else { preconditionFailure("no number \(name)") }
        return value
    }

    package func text(_ name: String) -> String {
        guard case .text(let value) = values[name] else { preconditionFailure("no text \(name)") }
        return value
    }

    package func flag(_ name: String) -> Bool {
        guard case .flag(let value) = values[name] else { preconditionFailure("no flag \(name)") }
        return value
    }

    package func duration(_ name: String) -> Duration {
        guard let value = DurationText.parse(text(name)) else { preconditionFailure("no duration \(name)") }
        return value
    }

    package func latency(_ name: String) -> Latency {
        guard let value = Latency(text(name)) else { preconditionFailure("no latency \(name)") }
        return value
    }

    package func sense(_ name: String) -> SenseName {
        guard let value = SenseName(text(name)) else { preconditionFailure("no sense \(name)") }
        return value
    }

    package func integers(_ name: String) -> [Int64] {
        guard case .list(let list) = values[name] else { preconditionFailure("no list \(name)") }
        return list.compactMap { value in
            guard case .integer(let number) = value else { return nil }
            return number
        }
    }

    package func texts(_ name: String) -> [String] {
        guard case .list(let list) = values[name] else { preconditionFailure("no list \(name)") }
        return list.map(\.description)
    }
}
