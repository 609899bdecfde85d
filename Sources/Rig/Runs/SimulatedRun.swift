internal import FaultPlan
package import RunLog
package import Scenarios
package import SimulatedTime
import Synchronization
internal import VirtualMedia
package import Weaknesses
internal import Worlds

/// Runs a resolved scenario in virtual time, on the calling thread.
package struct SimulatedRun: Sendable {
    package let resolved: Scenario.Resolved
    /// In place of the scenario's own.
    package var schedule: Schedule?
    /// Events kept in the record; the trace hash has them all.
    package var maximumEvents = RunRecorder.maximumEvents
    /// Of MediaRig.
    package var commit = "unknown"
    /// A mistake that the service is to have, to see whether it is found.
    package var weakness: Weakness?

    package init(_ resolved: Scenario.Resolved) { self.resolved = resolved }

    /// Never throws: whatever goes wrong is in the record.
    package func record() -> RunRecord {
        let scenario = resolved.scenario
        let schedule = self.schedule ?? Schedule(scenario.schedule)
        var record = RunRecord(
            RunIdentity(resolved, world: .sim, schedule: schedule.description, commit: commit))
        let start = ContinuousClock.now
        let simulation = Simulation(
            seed: resolved.seed, schedule: schedule,
            limits: Simulation.Limits(
                steps: scenario.budgets.steps, time: scenario.budgets.virtualTime))
        let executor = simulation.executor
        let links = ScenarioRun.Links()
        let recorder = RunRecorder(
            maximumEvents: maximumEvents, now: { executor.now },
            note: { event in executor.note(event.summary) },
            observer: links.observer(for: scenario))
        simulation.atEnd { recorder.close() }
        do {
            let findings = try run(in: simulation, recorder: recorder, links)
            record.violations = findings.violations
            record.faults = findings.tallies
            record.provenByteCount = findings.provenByteCount
            record.verdict = findings.verdict(expecting: scenario.expect)
            if let failure = findings.failure {
                record.violations.append(Violation("rig", at: executor.now, failure))
            }
        } catch let failure as SimulationFailure {
            record.violations.append(Violation(failure.name, at: executor.now, failure.description))
            record.verdict = failure.verdict
        } catch {
            record.violations.append(Violation("rig", at: executor.now, "\(error)"))
            record.verdict = .broken
        }
        record.events = recorder.events
        record.omittedEventCount = recorder.omittedEventCount
        record.traceHash = executor.traceHash
        record.choices = executor.choices
        record.virtualNanoseconds = executor.now.wholeNanoseconds
        record.stepCount = executor.steps
        record.wallNanoseconds = (ContinuousClock.now - start).wholeNanoseconds
        return record
    }

    private func run(in simulation: Simulation, recorder: RunRecorder, _ links: ScenarioRun.Links) throws
        -> ScenarioRun.Findings
    {
        let (resolved, weakness) = (self.resolved, self.weakness)
        return try simulation.run { simulation in
            let engine = try FaultEngine(
                FaultPlan(resolved.scenario.faults), seed: resolved.seed,
                surroundings: links.surroundings(recorder: recorder))
            let world = try SimulatedWorld(
                resolved.scenario, in: simulation, faults: LaneTap(engine, recorder: recorder),
                recorder: recorder,
                weakness: weakness, saw: { links.saw($0) }, imageChanged: { links.imageChanged($0) },
                serviceDied: { links.serviceDied() })
            let run = ScenarioRun(resolved, in: world, engine: engine, recorder: recorder, links: links)
            return await run.run()
        }
    }
}

extension RunEvent {
    /// Everything of it, for the trace hash.
    fileprivate var summary: String {
        "\(lane.rawValue) \(slot ?? "") \(name) \(detail ?? "") \(range?.start ?? 0) \(range?.end ?? 0) "
            + "\(latencyNanoseconds ?? 0) \(hasSucceeded)"
    }
}

extension SimulationFailure {
    fileprivate var name: String {
        switch self {
        case .deadlock: "deadlock"
        case .outOfSteps: "out of steps"
        case .outOfTime: "out of time"
        case .escaped: "escaped from the simulation"
        }
    }

    fileprivate var verdict: RunVerdict {
        switch self {
        case .deadlock, .outOfSteps, .outOfTime: .notLive
        case .escaped: .notDeterministic
        }
    }
}

extension Schedule {
    fileprivate init(_ schedule: Scenario.Schedule) {
        switch schedule {
        case .fifo: self = .firstInFirstOut
        case .random: self = .random
        case .pct(let depth): self = .prioritised(depth: depth)
        }
    }
}
