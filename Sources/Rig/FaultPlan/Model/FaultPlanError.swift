/// What is wrong with a plan, and what would be right.
package enum FaultPlanError: Error, Equatable, Sendable {
    case unknownKind(fault: String, kind: String, similar: [String])
    case unknownParameter(fault: String, kind: String, name: String, known: [String])
    case missingParameter(fault: String, kind: String, name: String, form: ParameterRule.Form)
    case badParameter(
        fault: String, kind: String, name: String, value: ParameterValue, form: ParameterRule.Form)
    case duplicateIdentifier(String)
    case badTrigger(fault: String, trigger: Trigger, flaw: String)
    /// The kind never meets such an operation.
    case unknownOperation(fault: String, kind: String, operation: String, known: [String])
    /// The kind is met in its own layer only.
    case wrongLayer(fault: String, kind: String, layer: String)
    /// A fault that strikes and is over has no duration.
    case pointlessDuration(fault: String, kind: String)
    case badBudget(fault: String)
    case tooManyFaults(limit: Int)
    /// A healed run takes no more faults.
    case healed
}

extension FaultPlanError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknownKind(let fault, let kind, let similar):
            "\(fault): there is no fault \"\(kind)\"; "
                + (similar.isEmpty
                    ? "`mediarig faults` lists them" : "similar are " + similar.joined(separator: ", "))
        case .unknownParameter(let fault, let kind, let name, let known):
            "\(fault): \(kind) has no parameter \"\(name)\"; "
                + (known.isEmpty ? "it has none" : "it has " + known.joined(separator: ", "))
        case .missingParameter(let fault, let kind, let name, let form):
            "\(fault): \(kind) needs \"\(name)\": \(form)"
        case .badParameter(let fault, let kind, let name, let value, let form):
            "\(fault): \"\(name)\" of \(kind) cannot be \(value); it must be \(form)"
        case .duplicateIdentifier(let identifier):
            "two faults are named \"\(identifier)\"; give each its own"
        case .badTrigger(let fault, let trigger, let flaw): "\(fault): trigger \"\(trigger)\": \(flaw)"
        case .unknownOperation(let fault, let kind, let operation, let known):
            "\(fault): \(kind) never meets \"\(operation)\"; it meets " + known.joined(separator: ", ")
        case .wrongLayer(let fault, let kind, let layer):
            "\(fault): \(kind) is not met in layer \(layer); leave the layer out"
        case .pointlessDuration(let fault, let kind):
            "\(fault): \(kind) strikes and is over at once; leave the duration out"
        case .badBudget(let fault): "\(fault): a budget allows at least one firing and a stall above zero"
        case .tooManyFaults(let limit): "a plan holds at most \(limit) faults"
        case .healed: "this run was healed; start another one to inject faults"
        }
    }
}
