import VirtualMedia

/// How scenarios are written: every key, once. The reader, the writer, the editor's schema and the
/// reference page are made of these tables.
package enum ScenarioFields {
    package static let scenario = Record(
        "scenario", "A run written down.", start: Scenario(""),
        [
            .required("name", \.name, Words.name, "Lower-case letters, digits and hyphens."),
            .optional("description", \.description, .text(), "What it shows, in a sentence or two."),
            .optional(
                "origin", \.origin, Notation<String>.text().oneOrMore(0...20),
                "Bugs that it was learnt from: `openbmc/openbmc#3814`."),
            .optional("tags", \.tags, Words.name.oneOrMore(0...20), "Words to choose scenarios by."),
            .optional(
                "worlds", \.worlds, Notation<Scenario.World>.choice().oneOrMore(1...3),
                "Where it makes sense to run it."),
            .optional("topology", \.topology, topology.notation, "What stands where before the first step."),
            .optional(
                "workload", \.workload, workload.notation.list(0...64), "Background traffic of the host."),
            .optional(
                "steps", \.steps, step.notation.list(0...Limits.steps),
                "What is done, in order. Without them every slot is inserted, worked on, read and ejected."),
            .optional(
                "faults", \.faults, faults, "What goes wrong, and when."),
            .optional("swarm", \.swarm, swarm.notation.optional, "What is drawn anew for every seed."),
            .optional(
                "phases", \.phases, phases.notation, "When faults end, and how soon all is well again."),
            .optional(
                "without-invariants", \.invariantsOff,
                Notation<String>.text("a reason").map(by: Notation<Scenario.Invariant>.choice()),
                "Invariants that do not hold here, each with the reason."),
            .optional("expect", \.expect, expectation.notation, "How the run must end."),
            .optional(
                "budgets", \.budgets, budgets.notation, "What a run may use before it counts as stuck."),
            .optional(
                "schedule", \.schedule, Words.schedule,
                "How the simulation picks the next of several ready jobs: `fifo`, `random`, or `pct:3`, "
                    + "random priorities lowered at two random moments."),
        ], check: ScenarioChecks.check)

    /// Every record, in the order of the reference page.
    package static let records: [RecordShape] = [
        scenario.shape, topology.shape, slot.shape, image.shape, store.shape, host.shape, chip.shape,
        workload.shape, mix.shape, step.shape, insert.shape, eject.shape, awaited.shape, condition.shape,
        read.shape, write.shape, hostAction.shape, processAction.shape, imageChange.shape, heal.shape,
        repetition.shape, parallel.shape, choose.shape, option.shape, fault.shape, selector.shape,
        budget.shape, swarm.shape, phases.shape, expectation.shape, limits.shape, budgets.shape,
    ]

    /// Lengths of lists.
    package enum Limits {
        package static let steps = 1000
        /// Once everything is drawn.
        package static let resolvedSteps = 10_000
        package static let faults = 400
        package static let slots = 16
        package static let images = 64
    }
}
