/// Deactivating: takes everything down, whatever hangs or fails on the way.
///
///     flush ─▶ askEject ─▶ unbind ─▶ removeGadget ─▶ detach ─▶ release ─▶ Ready
///                 │ refused
///                 └─▶ forceEject ─▶ …
///
/// The LUN lets go of the device before the device is detached: the kernel tells of the end only
/// then. A step that fails has a second turn after the others. A step that hangs, usually on a source that no longer answers, is given up, and everything
/// that it may hang on is cut before the rest runs.
extension SlotMachine {
    static let teardownPlan: [SlotStep] = [.flush, .askEject, .unbind, .removeGadget, .detach, .release]

    /// - Parameter failure: Why, and the outcome of a pending mount; `nil` when somebody asked.
    mutating func deactivate(because failure: SlotFailure?, at now: Duration) -> [Effect] {
        ending = failure
        retried = []
        if let failure { lastFailure = failure }
        enter(.deactivating, plan: Self.teardownPlan, deadline: now + limits.teardown)
        guard let running else { return [.publish] + runNext(at: now) }
        self.running?.deadline = now + limits.cancelGrace
        return [.publish, .cancel(running.ticket)]
    }

    mutating func finishedDeactivating(_ step: SlotStep, _ outcome: Outcome, at now: Duration) -> [Effect] {
        if case .failed(let failure) = outcome {
            if step == .flush {
                unstored = failure
            } else if step == .askEject {
                plan.insert(.forceEject, at: 0)
            } else if Self.teardownPlan.contains(step), retried.insert(step).inserted {
                // What stood in its way may have gone by the end of the others.
                plan.append(step)
            } else if Self.teardownPlan.contains(step) {
                residue.append(failure.message)
            }
        }
        return goOn(at: now)
    }

    mutating func overranDeactivating(_ step: SlotStep, _ failure: SlotFailure, at now: Duration) -> [Effect]
    {
        if !isSevered {
            isSevered = true
            // What hung may go through once its source is gone, so it gets a second turn.
            let mayTryAgain = Self.teardownPlan.contains(step) && step != .askEject && step != .flush
            let again: [SlotStep] = mayTryAgain ? [step] : []
            if step == .flush { unstored = failure }
            plan = [.sever] + again + plan
        } else if step != .sever {
            residue.append(failure.message)
        }
        return goOn(at: now)
    }

    mutating func tickDeactivating(at now: Duration) -> [Effect] {
        guard let stateDeadline, stateDeadline <= now else { return [] }
        residue.append("taking down did not end in \(limits.teardown)")
        guard let running else { return becomeReady(at: now) }
        self.running = nil
        abandoned.insert(running.ticket.number)
        return [.cancel(running.ticket)] + becomeReady(at: now)
    }

    private mutating func goOn(at now: Duration) -> [Effect] {
        plan.isEmpty ? becomeReady(at: now) : runNext(at: now)
    }

    private mutating func becomeReady(at now: Duration) -> [Effect] {
        // Whoever waits for the end is told what the slot's last error says.
        var end = CompletionCode.done
        if !residue.isEmpty || unstored != nil {
            isSweepWanted = isSweepWanted || !residue.isEmpty
            let left = residue.isEmpty ? nil : "left behind: \(residue.joined(separator: "; "))"
            let lost = unstored.map { "what the host wrote last may not be stored: \($0.message)" }
            // That the host ejected the medium is no failure; what was left is.
            end = ending.flatMap { $0.code == .done ? nil : $0.code } ?? .inputOutput
            lastFailure = SlotFailure(
                end,
                [ending?.message, lost, left].compactMap(\.self).joined(separator: "; "))
        }
        enter(.ready)
        observation = nil
        var effects: [Effect] = [.publish]
        if pendingMount { effects.append(.complete(.mount, ending?.code ?? .cancelled)) }
        if pendingUnmount { effects.append(.complete(.unmount, end)) }
        pendingMount = false
        pendingUnmount = false
        return effects + sweepIfNeeded(at: now)
    }
}
