package import DBusProtocol
package import FaultPlan
package import RunLog
package import Scenarios
internal import Worlds

// What a world's faults and bus tell the run, which is made after them.
extension ScenarioRun.Links {
    /// What the engine asks of a run, and tells it.
    package func surroundings(recorder: RunRecorder) -> FaultEngine.Surroundings {
        FaultEngine.Surroundings(
            stateOf: { slot in self.scenarioRun?.watch.ledger(of: slot).state },
            report: { firing in
                recorder.record(
                    .fault, slot: firing.occasion?.slot ?? firing.strike?.slot,
                    "fault \(firing.fault.kind)", detail: firing.words, range: firing.occasion?.bytes)
                self.scenarioRun?.fired(firing)
            },
            onStrike: { strike in self.scenarioRun?.perform(strike) })
    }

    /// What tells the faults of events of the log; `nil` where none of them waits for one.
    package func observer(for scenario: Scenario)
        -> (@Sendable (_ name: String, _ slot: String?, _ time: Duration) -> Void)?
    {
        let isWanted = scenario.faults.contains { fault in
            if case .onEvent = fault.trigger { true } else { false }
        }
        guard isWanted else { return nil }
        return { name, slot, time in self.scenarioRun?.engine.observe(name, slot: slot, at: time) }
    }

    /// Called for every message that enters the bus, before any fault touches it.
    package func saw(_ envelope: Envelope) { scenarioRun?.watch.saw(envelope) }

    /// The store has another version of an image.
    package func imageChanged(_ image: String) { scenarioRun?.imageChanged(image) }

    /// The service was killed.
    package func serviceDied() { scenarioRun?.serviceDied() }
}

extension ScenarioRun {
    /// Of a run that is not over.
    package var violationsSoFar: [Violation] { context.violations.all }
}

extension FaultFiring {
    fileprivate var words: String {
        let place = occasion.map { "\($0.layer.rawValue) \($0.operation) on \($0.target)" }
        let deed = actions.isEmpty ? nil : actions.map { "\($0)" }.joined(separator: ", ")
        return [fault.identifier, place, deed].compactMap(\.self).joined(separator: ": ")
    }
}
