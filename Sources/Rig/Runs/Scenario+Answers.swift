internal import Scenarios

extension Scenario {
    /// Faults that may keep a call from being answered.
    private static let delaying = ["dbus.", "process.", "clock.", "power.", "resource.", "ladder."]

    /// Whether nothing in the scenario keeps the service or its bus from answering a call at once.
    var answersAtOnce: Bool {
        !faults.contains { fault in Self.delaying.contains { fault.kind.hasPrefix($0) } }
            && !Self.stopsAnswers(steps)
    }

    private static func stopsAnswers(_ steps: [Step]) -> Bool {
        steps.contains { step in
            switch step {
            case .process(let action): action.kind == .stop && [.service, .bus].contains(action.target)
            case .repeat(let group): stopsAnswers(group.steps)
            case .parallel(let group): group.branches.contains { stopsAnswers($0) }
            default: false
            }
        }
    }
}
