extension Scenario.Step {
    /// The step in a world without that slot; `nil` where nothing is left of it.
    func without(slot gone: String) -> Scenario.Step? {
        let choice: Scenario.SlotChoice? =
            switch self {
            case .insert(let step): step.slot
            case .eject(let step): step.slot
            case .wait(.until(let condition, _)): condition.slot
            case .expect(let condition): condition.slot
            case .read(let step): step.slot
            case .write(let step): step.slot
            case .host(let step): step.slot
            case .process(let step): step.slot
            default: nil
            }
        if choice == .named(gone) { return nil }
        return filteringSteps { $0.without(slot: gone) }
    }

    /// The step in a run without those faults; `nil` where nothing is left of it.
    func without(faults gone: Set<String>) -> Scenario.Step? {
        switch self {
        case .heal(var step) where !step.faults.isEmpty:
            step.faults.removeAll { gone.contains($0) }
            return step.faults.isEmpty ? nil : .heal(step)
        case .expect(var condition):
            condition.fired = condition.fired.filter { !gone.contains($0.key) }
            return condition == Scenario.Condition(condition.slot) ? nil : .expect(condition)
        case .wait(.until(var condition, let within)):
            condition.fired = condition.fired.filter { !gone.contains($0.key) }
            let isEmpty = condition == Scenario.Condition(condition.slot)
            return isEmpty ? nil : .wait(.until(condition, within: within))
        default: return filteringSteps { $0.without(faults: gone) }
        }
    }

    private func filteringSteps(_ filter: (Scenario.Step) -> Scenario.Step?) -> Scenario.Step? {
        switch self {
        case .repeat(var group):
            group.steps = group.steps.compactMap(filter)
            return group.steps.isEmpty ? nil : .repeat(group)
        case .parallel(var group):
            group.branches = group.branches.map { $0.compactMap(filter) }.filter { !$0.isEmpty }
            return group.branches.isEmpty ? nil : .parallel(group)
        case .choose(var group):
            group.options = group.options.compactMap { option in
                let steps = option.steps.compactMap(filter)
                return steps.isEmpty ? nil : Choose.Option(option.weight, steps)
            }
            return group.options.isEmpty ? nil : .choose(group)
        default: return self
        }
    }
}
