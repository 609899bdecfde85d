import FaultPlan
import FaultPoints

extension ScenarioFields {
    static let fault = Record(
        "fault", "Something that goes wrong: what, to whom, when, for how long, how often at most.",
        start: Fault(""),
        [
            .optional(
                "identifier", \.identifier, Words.name,
                "Its name in this scenario; without one `f1`, `f2`, … by its place in the list."),
            .required("kind", \.kind, faultKind, "Its name in [the catalogue](faults.md): `http.status`."),
            .optional(
                "parameters", \.parameters, parameter.map(by: parameterName),
                "As the catalogue says for the kind."),
            .optional(
                "select", \.select, selector.notation, "To which operations; without it, all of the kind."),
            .optional(
                "trigger", \.trigger, spelled("a trigger such as nth 3, p 0.01, at 2s or on state Active"),
                "When: `always`, `nth 3`, `every 5 after 2`, `from 3 to 9 step 2`, `after 64 KiB`, `at 2s`, "
                    + "`on event mark half-way`, `on state Active of Slot_0 #2`, `on leaving Active`, `p 0.01`, "
                    + "`until cleared`, `after step 4`."),
            .optional(
                "duration", \.duration, Notation.anyDuration.optional,
                "How long it lasts once it has begun; else until the heal, and for a counted trigger once."),
            .optional("budget", \.budget, budget.notation, "What it may do at most."),
            .optional(
                "expect", \.expect,
                spelled("one of \(FaultExpectation.words.joined(separator: ", "))").optional,
                "What the system must do; else as the catalogue says."),
            .optional(
                "stream", \.stream, Notation<String>.text("a stream's name").optional,
                "The random stream it draws from; else one of its own."),
        ], check: checkFault)

    /// Those without a name get one by their place, so that others can refer to them.
    static let faults: Notation<[Fault]> = {
        let list = fault.notation.list(0...Limits.faults)
        return Notation(list.shape) { node, reader in
            guard let faults = list.read(node, &reader) else { return nil }
            let named = Scenario.named(faults)
            for (index, fault) in named.enumerated() {
                guard let element = node.elements?[index] else { continue }
                reader.below("[\(index)]") {
                    $0.define(.fault, fault.identifier, at: element.mark(of: "identifier"))
                }
            }
            return named
        } write: {
            list.write($0)
        }
    }()

    private static let faultKind = Notation<String>(
        .choice(FaultCatalogue.standard.kinds.map(\.name))
    ) { node, reader in
        Notation<String>.text("the name of a fault").read(node, &reader)
    } write: {
        .text($0)
    }

    private static let parameterName = Notation<String>.word(
        "a parameter's name", pattern: "^[A-Za-z][A-Za-z0-9-]*$"
    ) { text in
        text.first?.isLetter == true
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }

    private static let parameter: Notation<ParameterValue> = Notation(.anything, read: readParameter) {
        value in
        switch value {
        case .flag(let flag): .boolean(flag)
        case .integer(let number): .integer(number)
        case .number(let number): .number(number)
        case .text(let text): .text(text)
        case .list(let values): .list(values.map { parameter.write($0) })
        }
    }

    @Sendable private static func readParameter(_ node: DocumentNode, _ reader: inout DocumentReader)
        -> ParameterValue?
    {
        switch node.content {
        case .boolean(let flag): return .flag(flag)
        case .integer(let number): return .integer(number)
        case .number(let number): return .number(number)
        case .text(let text): return .text(text)
        case .list(let elements):
            let values = elements.compactMap { readParameter($0, &reader) }
            return values.count == elements.count ? .list(values) : nil
        case .null, .map:
            reader.complain(node, expected: "a number, a word, true, false, or a list of them")
            return nil
        }
    }

    static let selector = Record(
        "select", "Which operations a fault concerns: those for which all that is given is true.",
        start: Selector(),
        [
            .optional(
                "layer", \.layer, Notation<FaultLayer>.choice().optional,
                "Where; else the layer of the kind. A fault that strikes may wait for another layer's operation."
            ),
            .optional(
                "operations", \.operations, Notation<String>.text("an operation").oneOrMore(0...100),
                "In the words of the layer: `read`, `get`, `Mount`, `READ(10)`. `*` and `?` as in file names."
            ),
            .optional(
                "target", \.target, Notation<String>.text("a target").optional,
                "What it is done to: a file, a URL's path, a device. `*` and `?` as in file names."),
            .optional("slot", \.slot, Notation<String>.text("a slot's name").optional, "`*` and `?` too."),
            .optional(
                "connection", \.connection, Notation<Int>.integer(0...1_000_000).optional,
                "The n-th to its target, from 0."),
            .optional(
                "direction", \.direction, Notation<FaultOccasion.Direction>.choice().optional,
                "`up`: towards the store. `down`: towards the host."),
            .optional(
                "bytes", \.bytes, spelled("a range such as 0..<4096, 4096... or sectors 0..<8").optional,
                "Bytes of the image that it overlaps."),
            .optional(
                "states", \.states, Notation<String>.text("a state").oneOrMore(0...10),
                "The slot is in one of these: `Active`."),
        ])

    static let budget = Record(
        "budget", "What a fault may do at most.", start: Fault.Budget.unlimited,
        [
            .optional("times", \.times, Notation<Int>.integer(1...1_000_000_000).optional, "Firings."),
            .optional(
                "stall", \.stall, Notation.duration(.nanoseconds(1)...Quantity.maximumDuration).optional,
                "All its delays together; what is over it is cut."),
        ])

    /// Values that are one line of text, with a spelling of the plan's own.
    private static func spelled<Value: SpelledInPlans>(_ words: String) -> Notation<Value> {
        .spelled(words, pattern: nil) {
            Value($0)
        } _: {
            $0.description
        }
    }

    private static func checkFault(_ fault: Fault, _ node: DocumentNode, _ reader: inout DocumentReader) {
        guard !fault.kind.isEmpty else { return }
        do {
            _ = try FaultCatalogue.standard.check(fault)
        } catch {
            reader.complain(mark(of: error, in: node), error.messageAlone)
        }
    }

    private static func mark(of error: FaultPlanError, in node: DocumentNode) -> TextMark? {
        func parameter(_ name: String) -> TextMark? {
            node["parameters"]?.entries?.first { $0.key == name }.flatMap { $0.keyMark ?? $0.value.mark }
                ?? node.mark(of: "parameters")
        }
        return switch error {
        case .unknownKind: node.mark(of: "kind")
        case .unknownParameter(_, _, let name, _): parameter(name)
        case .badParameter(_, _, let name, _, _): node["parameters"]?[name]?.mark ?? parameter(name)
        case .missingParameter: node.mark(of: "parameters")
        case .badTrigger: node.mark(of: "trigger")
        case .unknownOperation: node["select"]?.mark(of: "operations") ?? node.mark
        case .wrongLayer: node["select"]?.mark(of: "layer") ?? node.mark
        case .pointlessDuration: node.mark(of: "duration")
        case .badBudget: node.mark(of: "budget")
        case .duplicateIdentifier, .tooManyFaults, .healed: node.mark
        }
    }
}

/// A value of a fault plan that stands as one line of text.
protocol SpelledInPlans: CustomStringConvertible, SendableMetatype {
    init?(_ text: String)
}
extension Trigger: SpelledInPlans {}
extension ByteSpan: SpelledInPlans {}
extension FaultExpectation: SpelledInPlans {}

extension FaultPlanError {
    /// Without the fault's name in front: the place says which it is.
    fileprivate var messageAlone: String {
        let text = description
        guard let colon = text.firstRange(of: ": ") else { return text }
        return String(text[colon.upperBound...])
    }
}

extension Scenario {
    /// The same faults, each with a name.
    static func named(_ faults: [Fault]) -> [Fault] {
        var taken = Set(faults.map(\.identifier))
        return faults.enumerated().map { index, fault in
            guard fault.identifier.isEmpty else { return fault }
            var named = fault
            var number = index + 1
            while taken.contains("f\(number)") { number += 1 }
            named.identifier = "f\(number)"
            taken.insert(named.identifier)
            return named
        }
    }
}
