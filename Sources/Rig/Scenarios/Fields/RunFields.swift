import RunLog
import VirtualMedia

extension ScenarioFields {
    static let workload = Record(
        "workload",
        "What the host does in the background, from a slot's insertion until the amount is moved or a step ejects "
            + "the medium; over resets and re-enumerations. Every byte is compared.",
        start: Scenario.Workload(.sequential, 0),
        [
            .optional("slot", \.slot, Words.slotChoice, "The slot, or each of them."),
            .required(
                "kind", \.kind, .choice(),
                "`boot`: the first blocks, a directory, then bursts at many places. `sequential`: from the first "
                    + "block on, and over again. `random`. `write`: reads, writes and flushes at random places, with an "
                    + "account of what must last. `idle`: TEST UNIT READY now and then."),
            .optional("amount", \.byteCount, .byteCount(0...1 << 50), "Bytes to move; not for `idle`."),
            .optional(
                "request-size", \.requestByteCount, Notation<Int>.byteCount(512...16 << 20).optional,
                "Bytes of one command; else as the host's profile."),
            .optional(
                "stream", \.stream, Words.name, "The random stream; each slot draws from one of its own."),
            .optional("think", \.think, .anyDuration, "From the end of a command to the next."),
            .optional("mix", \.mix, mix.notation, "What a writing host does next, by weight."),
        ]
    ) { workload, node, reader in
        if workload.kind != .idle, workload.byteCount == 0, node["kind"] != nil {
            reader.complain(node.mark(of: "amount"), "a workload that is not idle needs an amount above 0")
        }
        if workload.kind != .write, workload.mix != Scenario.Workload.Mix() {
            reader.complain(node.mark(of: "mix"), "a mix goes with the kind write only")
        }
    }

    static let mix = Record(
        "mix", "Weights.", start: Scenario.Workload.Mix(),
        [
            .optional("read", \.read, .integer(0...1000), "Reads."),
            .optional("write", \.write, .integer(0...1000), "Writes."),
            .optional("durable-write", \.durableWrite, .integer(0...1000), "Writes with force unit access."),
            .optional("flush", \.flush, .integer(0...1000), "SYNCHRONIZE CACHE."),
        ]
    ) { mix, node, reader in
        if mix.read + mix.write + mix.durableWrite == 0 {
            reader.complain(node.mark, "the mix moves nothing: give reads or writes a weight")
        }
    }

    static let phases = Record(
        "phases", "First safety while things go wrong, then recovery.", start: Scenario.Phases(),
        [
            .optional(
                "faults-until", \.faultsUntil, Notation.anyDuration.optional,
                "No fault fires from here on; else until the heal."),
            .optional(
                "heal-at", \.healAt, Notation.anyDuration.optional,
                "Every fault in force ends here; else after the last step."),
            .optional(
                "converge-within", \.convergeWithin, .anyDuration,
                "After the heal and the last step: every slot is Ready or Active, its work is done, its views agree."
            ),
        ]
    ) { phases, node, reader in
        if let until = phases.faultsUntil, let heal = phases.healAt, heal < until {
            reader.complain(node.mark(of: "heal-at"), "the heal comes before faults-until")
        }
    }

    static let expectation = Record(
        "expectation", "How the run must end.", start: Scenario.Expectation(),
        [
            .optional(
                "verdict", \.verdict, .choice(),
                "Anything but `passed` is for scenarios that prove the rig itself."),
            .optional(
                "violations", \.violations, Notation<String>.text("a violation's name").oneOrMore(0...20),
                "Beginnings of names, of which at least one must occur; with another verdict than `passed`."),
            .optional(
                "completions", \.completions, Words.completionCode.oneOrMore(1...40).optional,
                "With what requests may complete; else the steps say it alone."),
            .optional("limits", \.limits, limits.notation, "Counts over the whole run."),
        ]
    ) { expectation, node, reader in
        if expectation.verdict == .passed, !expectation.violations.isEmpty {
            reader.complain(
                node.mark(of: "violations"),
                "a run that passes has no violations; say which verdict is expected")
        }
    }

    static let limits = Record(
        "limits", "Counts over the whole run; without a key, no limit.", start: Scenario.Limits(),
        [
            .optional("host-resets", \.hostResets, count, "Resets that the host had to resort to, at most."),
            .optional("enumerations", \.enumerations, count, "Enumerations by the host, at most."),
            .optional("failed-reads", \.failedReads, count, "Reads of the host that failed, at most."),
            .optional("failed-writes", \.failedWrites, count, "Writes of the host that failed, at most."),
            .optional(
                "slowest-command", \.slowestCommand, Notation.anyDuration.optional,
                "The longest that one command of the host may take."),
            .optional("store-requests", \.storeRequests, count, "Requests to the store, at most."),
            .optional(
                "proven", \.provenByteCount, Notation<UInt64>.byteCount(0...1 << 60).optional,
                "Bytes that the host must have read and compared, at least."),
        ])

    private static let count = Notation<Int>.integer(0...1_000_000_000).optional

    static let budgets = Record(
        "budgets", "What a run may use before it counts as stuck.", start: Scenario.Budgets(),
        [
            .optional(
                "virtual-time", \.virtualTime, .duration(.milliseconds(1)...Quantity.maximumDuration),
                "Time of the simulation."),
            .optional("steps", \.steps, .integer(1...1_000_000_000), "Jobs of the simulation."),
        ])

    static let swarm = Record(
        "swarm", "What is drawn anew for every seed, so that one scenario stands for many.",
        start: Scenario.Swarm(),
        [
            .optional(
                "slots", \.slots, Words.counts(1...Limits.slots).optional,
                "How many of the slots there are; the others, and all that concerns them, are left out."),
            .optional(
                "fault-chance", \.faultChance, .number(0...1),
                "The chance of each fault to be part of the run."),
            .optional(
                "chances", \.chances, Notation<Double>.number(0...1).map(by: Words.fault),
                "The same for single faults, by name."),
            .optional(
                "most-faults", \.maximumFaults, Notation<Int>.integer(0...Int64(Limits.faults)).optional,
                "At most so many faults are kept; which ones is drawn."),
            .optional(
                "one-by-one", \.isOneByOne, .boolean,
                "One fault in each run, in the order of the list: seed 1 has the first, and after the last comes the "
                    + "first again. Nothing is drawn of the faults then."),
            .optional(
                "vary", \.variations, variations,
                "Places of the scenario and what they may be: a list of values, or a range such as `1ms..30s`, "
                    + "`4 KiB..3 MiB`, `1..5`. A place is a path: `topology.host.profile`, `topology.slots.Slot_0.mode`, "
                    + "`faults.f1.parameters.delay`, `workload.0.amount`. Durations and sizes are drawn evenly by "
                    + "magnitude, numbers evenly."),
        ])

    private static let variations = variation.map(by: Notation<String>.text("a path"))

    private static let variation = Notation<Scenario.Variation>(
        .either([.list(.anything, 1...1000), .text(words: "a range such as 1ms..30s", pattern: nil)])
    ) { node, reader in
        if let elements = node.elements {
            if elements.isEmpty { reader.complain(node, expected: "at least one value") }
            return elements.isEmpty ? nil : .oneOf(elements)
        }
        guard let text = node.text, let range = DrawnRange(text) else {
            reader.complain(
                node, expected: "a list of values, or a range such as 1ms..30s, 4 KiB..3 MiB or 1..5")
            return nil
        }
        return .between(range.first, range.last)
    } write: { values in
        switch values {
        case .oneOf(let nodes): .list(nodes)
        case .between(let first, let last): .text("\(first)..\(last)")
        }
    }
}
