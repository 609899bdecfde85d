import VirtualMedia

extension ScenarioFields {
    static let condition = Record(
        "condition", "What is so at one moment. All that is given must hold, for each slot chosen.",
        start: Scenario.Condition(), conditionFields, check: checkCondition)

    private static let conditionFields: [Field<Scenario.Condition>] = [
        .optional("slot", \.slot, Words.slotChoice, "The slot, or every one of them."),
        .optional("state", \.state, Words.state.optional, "`State` of the slot on D-Bus."),
        .optional(
            "inserted", \.isInserted, Notation.boolean.optional,
            "Whether the host has the slot's device and a medium in it."),
        .optional(
            "views-agree", \.viewsAgree, Notation.boolean.optional,
            "Whether D-Bus, configfs, nbd and SCSI say the same of it."),
        .optional(
            "completion", \.completion, Words.completionCode.optional,
            "Code of the last request that completed."),
        .optional("cause", \.cause, Words.completionCode.optional, "`LastErrorCause` of the slot."),
        .optional(
            "properties", \.properties, propertyText.map(by: propertyName),
            "Properties of the slot's D-Bus object, by name: `{WriteProtected: true}`."),
        .optional(
            "events", \.events, Notation<Int>.integer(0...1_000_000).map(by: .text("an event's name")),
            "Events of the run's log so far, by name, at least so many: `{state Active: 2}`."),
        .optional(
            "fired", \.fired, Notation<Int>.integer(0...1_000_000).map(by: Words.fault),
            "Faults that have fired at least so often."),
        .optional(
            "workload-done", \.isWorkloadDone, Notation.boolean.optional,
            "Whether the background work is over."),
        .optional(
            "leftovers", \.hasLeftovers, Notation.boolean.optional,
            "Whether anything is left of a slot that is not mounted: process, socket, secret, nbd attachment, "
                + "gadget."),
    ]

    private static func checkCondition(
        _ condition: Scenario.Condition, _ node: DocumentNode, _ reader: inout DocumentReader
    ) {
        guard (node.entries ?? []).allSatisfy({ $0.key == "slot" }) else { return }
        reader.complain(node.mark, "the condition says nothing; give a state, inserted, …")
    }

    private static let propertyName = Notation<String>.word(
        "a D-Bus property's name", pattern: "^[A-Za-z_][A-Za-z0-9_]*$"
    ) { text in
        !text.isEmpty
            && text.utf8.allSatisfy {
                $0 == UInt8(ascii: "_") || (48...57).contains($0) || (65...90).contains($0)
                    || (97...122).contains($0)
            }
    }

    /// Numbers and booleans as in JSON, so that `true` and `"true"` are the same.
    private static let propertyText = Notation<String>(
        .either([.text(words: "text", pattern: nil), .boolean, .integer(.min ... .max)])
    ) { node, reader in
        switch node.content {
        case .text(let text): return text
        case .boolean(let value): return "\(value)"
        case .integer(let value): return "\(value)"
        default:
            reader.complain(node, expected: "text, a whole number, true or false")
            return nil
        }
    } write: { text in
        DocumentNode(ScalarText.plain(text))
    }

    /// What a condition is in a `wait`: the same, with a limit.
    struct AwaitedCondition: Equatable, Sendable {
        var condition = Scenario.Condition()
        var within = Scenario.Condition.defaultPatience
    }

    static let awaited = Record(
        "wait", "A condition and how long it may take to hold.", start: AwaitedCondition(),
        conditionFields.map { $0.under(\.condition) } + [
            .optional("within", \.within, .anyDuration, "How long it may take; then it is a violation.")
        ]
    ) { awaited, node, reader in
        let entries = (node.entries ?? []).filter { $0.key != "within" }
        checkCondition(awaited.condition, DocumentNode(.map(entries), mark: node.mark), &reader)
    }

    static let waiting: Notation<Scenario.Step.Wait> = {
        let time = Notation.anyDuration
        return Notation(.either([time.shape, awaited.notation.shape])) { node, reader in
            if node.entries == nil { return time.read(node, &reader).map { .time($0) } }
            return awaited.notation.read(node, &reader).map { .until($0.condition, within: $0.within) }
        } write: { wait in
            switch wait {
            case .time(let duration): time.write(duration)
            case .until(let condition, let within):
                awaited.notation.write(AwaitedCondition(condition: condition, within: within))
            }
        }
    }()
}
