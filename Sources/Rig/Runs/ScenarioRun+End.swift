internal import FaultPlan
package import RunLog
package import Scenarios
internal import VirtualMedia
internal import Worlds

// After the faults: everything comes to rest, agrees, and lets go.
extension ScenarioRun {
    /// Waits until every slot is Ready or Active, its background work is done, and all views agree.
    ///
    /// - Returns: whether that took too long.
    func converge() async -> Bool {
        let limit = scenario.phases.convergeWithin
        context.recorder.record(.scenario, "converge")
        let check = self.check
        let objection = { @Sendable [self] () async -> String? in
            for slot in slots {
                let state = watch.ledger(of: slot.name).state
                guard ["Ready", "Active"].contains(state) else { return "\(slot.name) is \(state)" }
            }
            return await check.objection(to: Scenario.Condition(viewsAgree: true, isWorkloadDone: true))
        }
        let deadline = context.now + limit
        let isSettled = await context.wait(until: deadline, poll: .seconds(1)) { () -> Bool? in
            await objection() == nil ? true : nil
        }
        guard isSettled == nil, let last = await objection() else { return false }
        context.violations.report(.convergence, "not settled \(limit) after the heal: \(last)")
        return true
    }

    /// Ejects what is still mounted, and looks for what is left.
    ///
    /// - Returns: whether something did not end in time.
    func letGo() async -> Bool {
        var isLate = false
        for slot in slots where watch.ledger(of: slot.name).state != "Ready" {
            let end = await slot.eject(Scenario.Step.Eject(.named(slot.name)))
            switch end {
            case .completed(.done), .orphaned, .accepted: break
            case .late, .standingStill, .imageMissing:
                isLate = true
                context.violations.report(.bounded, slot: slot.name, "the last eject did not complete")
            case .completed, .refused:
                context.violations.report(.convergence, slot: slot.name, "the last eject ended with \(end)")
            }
        }
        let deadline = context.now + Self.settlingTime
        let check = self.check
        let isClean = await context.wait(until: deadline, poll: .seconds(1)) { () -> Bool? in
            await check.objection(to: Scenario.Condition(hasLeftovers: false)) == nil ? true : nil
        }
        if isClean == nil, let left = await check.objection(to: Scenario.Condition(hasLeftovers: false)) {
            context.violations.report(.leftovers, left)
        }
        for slot in slots {
            let ledger = watch.ledger(of: slot.name)
            if ledger.openRequests > 0 {
                context.violations.report(
                    .bounded, slot: slot.name,
                    "\(ledger.accepted) requests accepted, \(ledger.completions.count) Completions")
            }
        }
        return isLate
    }

    /// The counts that the scenario limits.
    func checkLimits() {
        let limits = scenario.expect.limits
        func limit(_ name: String, _ found: Int, _ most: Int?) {
            if let most, found > most {
                context.violations.reportStep("limit", slot: nil, "\(name): \(found), at most \(most)")
            }
        }
        let counters = slots.map(\.counters)
        limit("host resets", counters.reduce(0) { $0 + $1.resets + $1.timedOutCommands }, limits.hostResets)
        limit("enumerations", host.enumerationCount, limits.enumerations)
        limit("failed reads", counters.reduce(0) { $0 + $1.failedReads }, limits.failedReads)
        limit("failed writes", counters.reduce(0) { $0 + $1.failedWrites }, limits.failedWrites)
        if let most = limits.slowestCommand {
            for slot in slots where slot.counters.slowestCommand > most {
                context.violations.reportStep(
                    "limit", slot: slot.name,
                    "a command took \(slot.counters.slowestCommand), at most \(most)")
            }
        }
        if let least = limits.provenByteCount {
            let proven = counters.reduce(0) { $0 + $1.provenByteCount }
            if proven < least {
                context.violations.reportStep(
                    "limit", slot: nil, "\(proven) bytes were proven, at least \(least)")
            }
        }
        if let codes = scenario.expect.completions {
            for slot in slots {
                for code in watch.ledger(of: slot.name).completions
                where !codes.contains(where: { $0.rawValue == code }) {
                    context.violations.reportStep("limit", slot: slot.name, "Completion(\(code))")
                }
            }
        }
    }
}

extension ScenarioRun.Findings {
    /// How the run ended, by what was expected of it.
    package func verdict(expecting wanted: Scenario.Expectation) -> RunVerdict {
        let found: RunVerdict =
            if failure != nil {
                .broken
            } else if !violations.isEmpty {
                isLive ? .wrong : .notLive
            } else if isVacuous {
                .vacuous
            } else {
                .passed
            }
        guard wanted.verdict != .passed, found != .broken else { return found }
        let isNamed =
            wanted.violations.isEmpty
            || violations.contains { violation in wanted.violations.contains { violation.name.hasPrefix($0) }
            }
        // A scenario that proves the rig passes when the rig finds what it must.
        return found == wanted.verdict && isNamed ? .passed : .wrong
    }
}
