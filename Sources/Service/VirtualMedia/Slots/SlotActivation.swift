extension SlotMachine {
    mutating func activate(at now: Duration) -> [Effect] {
        beginGeneration()
        pendingMount = true
        let source: [SlotStep] = mode == .legacy ? [.openImage, .connect] : [.connect]
        enter(
            .activating,
            // A look at the end, so that what is claimed is what was seen and not what was hoped.
            plan: [.sweep] + source + [.attach, .prove, .buildGadget, .bind, .observe],
            deadline: now + limits.activation)
        return [.publish] + runNext(at: now)
    }

    mutating func finishedActivating(_ step: SlotStep, _ outcome: Outcome, at now: Duration) -> [Effect] {
        // What could not be swept shows in the step that it is in the way of, with a better cause.
        if case .failed(let failure) = outcome, step != .sweep {
            return deactivate(because: failure, at: now)
        }
        if case .observed(let observation) = outcome, let loss = take(observation, at: now) {
            return deactivate(because: loss, at: now)
        }
        guard plan.isEmpty else { return runNext(at: now) }
        return becomeActive(at: now)
    }

    mutating func tickActivating(at now: Duration) -> [Effect] {
        guard let stateDeadline, stateDeadline <= now else { return [] }
        let step = running.map { " (at step \($0.ticket.step.rawValue))" } ?? ""
        return deactivate(
            because: SlotFailure(.timedOut, "not ready for the host after \(limits.activation)\(step)"),
            at: now)
    }

    private mutating func becomeActive(at now: Duration) -> [Effect] {
        pendingMount = false
        lastActivity = now
        enter(.active)
        pollAt = now + limits.poll
        return [.publish, .complete(.mount, .done)] + lookAgainIfWanted(at: now)
    }
}
