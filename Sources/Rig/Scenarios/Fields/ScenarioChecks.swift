import VirtualMedia

/// What no single field of a scenario can know.
enum ScenarioChecks {
    static func check(_ scenario: Scenario, _ node: DocumentNode, _ reader: inout DocumentReader) {
        let topology = scenario.topology
        if topology.slots.isEmpty {
            reader.complain(node.mark(of: "topology"), "a run needs at least one slot: topology.slots")
        } else if topology.images.isEmpty {
            reader.complain(node.mark(of: "topology"), "a run needs at least one image: topology.images")
        }
        let steps = node["steps"]?.elements ?? []
        for (index, step) in scenario.steps.enumerated() where index < steps.count {
            reader.below("steps") { reader in
                reader.below("[\(index)]") { check(step, topology, steps[index], &$0) }
            }
        }
        let workload = node["workload"]?.elements ?? []
        for (index, work) in scenario.workload.enumerated() where work.kind == .write {
            guard index < workload.count, !slots(work.slot, topology).contains(where: \.isReadWrite) else {
                continue
            }
            reader.below("workload") { reader in
                reader.below("[\(index)]") {
                    $0.complain(
                        workload[index].mark(of: "kind"), "no slot of this workload is read-write")
                }
            }
        }
    }

    private static func slots(_ choice: Scenario.SlotChoice, _ topology: Scenario.Topology) -> [Scenario.Slot]
    {
        switch choice {
        case .all: topology.slots
        case .named(let name): topology.slots.filter { $0.name == name }
        }
    }

    private static func check(
        _ step: Scenario.Step, _ topology: Scenario.Topology, _ node: DocumentNode,
        _ reader: inout DocumentReader
    ) {
        switch step {
        case .insert(let insert):
            let isProxy = slots(insert.slot, topology).contains { $0.mode == .proxy }
            if insert.url != nil, isProxy {
                reader.complain(node["insert"]?.mark(of: "url"), "a Proxy slot has no URL")
            }
        case .repeat(let group): check(group.steps, topology, node["repeat"]?["steps"], &reader)
        case .parallel(let group):
            let branches = node["parallel"]?["branches"]?.elements ?? []
            for (branch, node) in zip(group.branches, branches) { check(branch, topology, node, &reader) }
        case .choose(let group):
            let options = node["choose"]?["from"]?.elements ?? []
            for (option, node) in zip(group.options, options) {
                check(option.steps, topology, node["steps"], &reader)
            }
        default: break
        }
    }

    private static func check(
        _ steps: [Scenario.Step], _ topology: Scenario.Topology, _ node: DocumentNode?,
        _ reader: inout DocumentReader
    ) {
        for (step, node) in zip(steps, node?.elements ?? []) { check(step, topology, node, &reader) }
    }
}
