package import VirtualMedia

extension Scenario.Step {
    package typealias Slot = Scenario.SlotChoice

    package static func insert(
        _ slot: Slot = .all, image: String? = nil, _ outcomes: Outcome...
    ) -> Self {
        .insert(Insert(slot, image: image, outcomes.isEmpty ? [.completed(.done)] : outcomes))
    }

    package static func eject(_ slot: Slot = .all, _ outcomes: Outcome...) -> Self {
        .eject(Eject(slot, outcomes.isEmpty ? [.completed(.done)] : outcomes))
    }

    package static func read(
        _ slot: Slot = .all, _ spans: Range<UInt64>..., outcome: DataOutcome = .good
    ) -> Self {
        .read(Read(slot, spans.isEmpty ? [.whole] : spans.map { Scenario.Span($0) }, outcome))
    }

    package static func write(
        _ slot: Slot = .all, _ spans: Range<UInt64>..., outcome: DataOutcome = .good
    ) -> Self {
        .write(Write(slot, spans.map { Scenario.Span($0) }, outcome))
    }

    package static func wait(_ time: Duration) -> Self { .wait(.time(time)) }

    package static func wait(
        until condition: Scenario.Condition, within: Duration = Scenario.Condition.defaultPatience
    ) -> Self { .wait(.until(condition, within: within)) }

    /// Waits until the slot is in that state.
    package static func wait(_ slot: Slot, _ state: SlotMachine.State) -> Self {
        .wait(until: Scenario.Condition(slot, state: state))
    }

    package static func host(_ kind: HostAction.Kind, _ slot: Slot = .all) -> Self {
        .host(HostAction(kind, slot))
    }

    package static func process(
        _ kind: ProcessAction.Kind, _ target: ProcessAction.Target, _ slot: Slot = .all
    ) -> Self { .process(ProcessAction(kind, target, slot)) }

    package static func heal(_ faults: String...) -> Self { .heal(Heal(faults)) }

    package static func `repeat`(_ times: Int, _ steps: Scenario.Step...) -> Self {
        .repeat(Repeat(times, steps))
    }

    package static func parallel(_ branches: [Scenario.Step]...) -> Self { .parallel(Parallel(branches)) }

    /// What a scenario without steps does: every slot is mounted, worked on, read and ejected.
    package static let wholeLife: [Scenario.Step] = [
        .insert(), .wait(until: Scenario.Condition(isWorkloadDone: true), within: .seconds(600)), .read(),
        .eject(), .expect(Scenario.Condition(hasLeftovers: false)),
    ]

    /// Whether it, or a step in it, is still to be drawn.
    package var isDrawn: Bool {
        switch self {
        case .choose: true
        case .repeat(let group): group.steps.contains(where: \.isDrawn)
        case .parallel(let group): group.branches.contains { $0.contains(where: \.isDrawn) }
        default: false
        }
    }
}
