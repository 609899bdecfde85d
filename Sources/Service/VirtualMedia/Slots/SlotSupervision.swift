/// Active and Recovering: the host has the medium.
extension SlotMachine {
    mutating func finishedActive(_ step: SlotStep, _ outcome: Outcome, at now: Duration) -> [Effect] {
        pollAt = now + limits.poll
        if step == .reconnect { return finishedReplenishing(outcome, at: now) }
        guard step == .observe else { return lookAgainIfWanted(at: now) }
        switch outcome {
        case .observed(let observation):
            if let loss = take(observation, at: now) { return deactivate(because: loss, at: now) }
            if observation.liveConnections == 0 { return recover(at: now) }
            if observation.lostConnections > 0, now >= replenishAt ?? now {
                return [.publish, run(.reconnect, at: now)]
            }
            return idle(at: now) ?? ([.publish] + lookAgainIfWanted(at: now))
        case .failed(let failure):
            if let loss = countFailedObservation(failure) { return deactivate(because: loss, at: now) }
            return lookAgainIfWanted(at: now)
        case .done: return lookAgainIfWanted(at: now)
        }
    }

    /// Some connections were lost and others are left: the host reads on meanwhile, so that a source which is not what
    /// it was is no reason to take the medium away.
    private mutating func finishedReplenishing(_ outcome: Outcome, at now: Duration) -> [Effect] {
        guard case .failed = outcome else {
            attempts = 0
            replenishAt = nil
            return [run(.observe, at: now)]
        }
        attempts += 1
        replenishAt = now + retryDelay
        return lookAgainIfWanted(at: now)
    }

    mutating func tickActive(at now: Duration) -> [Effect] {
        guard running == nil, let pollAt, pollAt <= now else { return [] }
        return [run(.observe, at: now)]
    }

    mutating func lookAgainIfWanted(at now: Duration) -> [Effect] {
        guard isLookWanted else { return [] }
        isLookWanted = false
        return [run(.observe, at: now)]
    }

    /// - Returns: why the medium is gone from the host's view, if it is.
    mutating func take(_ seen: Observation, at now: Duration) -> SlotFailure? {
        failedObservations = 0
        if let observation, seen.showsActivity(since: observation) {
            lastActivity = now
            cacheDrops = 0
        }
        observation = seen
        if seen.backingFile.isEmpty { return SlotFailure(.done, "the host has ejected the medium") }
        if seen.controller.isEmpty {
            return SlotFailure(.noController, "the gadget was unbound from its USB device controller")
        }
        if !seen.isAttached { return SlotFailure(.connectionLost, "the nbd device was disconnected") }
        return nil
    }

    /// One look may fail by accident; several in a row mean that there is nothing to look at.
    private mutating func countFailedObservation(_ failure: SlotFailure) -> SlotFailure? {
        failedObservations += 1
        return failedObservations >= limits.failedObservations ? failure : nil
    }

    /// - Returns: what inactivity asks for; `nil` when nothing.
    private mutating func idle(at now: Duration) -> [Effect]? {
        guard let limit = limits.inactivity else { return nil }
        let idle = now - lastActivity
        if idle >= limit {
            let failure = SlotFailure(.done, "no access by the host for \(limit)")
            return deactivate(because: failure, at: now)
        }
        // Counters of the LUN see what caches answer, so the cache can stay.
        guard observation?.lunStatistics == nil, cacheDrops < limits.cacheDrops - 1,
            idle >= limit * (cacheDrops + 1) / limits.cacheDrops
        else { return nil }
        cacheDrops += 1
        return [.publish, run(.dropCache, at: now)]
    }

    /// When the medium goes for want of traffic, if nothing happens before.
    package var inactivityDeadline: Duration? {
        guard state == .active || state == .recovering, let limit = limits.inactivity else { return nil }
        return lastActivity + limit
    }

    // MARK: Recovering

    /// Whether the host already gets errors instead of waiting.
    package var isFailingRequests: Bool { state == .recovering && stallEnd == nil }

    private mutating func recover(at now: Duration) -> [Effect] {
        attempts = 0
        lastFailure = SlotFailure(.connectionLost, "the connection to the source is lost")
        enter(.recovering, deadline: now + limits.stall + limits.error)
        stallEnd = now + limits.stall
        pollAt = now + limits.poll
        return [.publish, run(.reconnect, at: now)]
    }

    mutating func finishedRecovering(_ step: SlotStep, _ outcome: Outcome, at now: Duration) -> [Effect] {
        switch (step, outcome) {
        case (.reconnect, .failed(let failure)):
            lastFailure = failure
            // Another image under the same name must never reach the host.
            if failure.code == .changed { return deactivate(because: failure, at: now) }
            attempts += 1
            retryAt = now + retryDelay
            return [.publish] + lookAgainIfWanted(at: now)
        case (.reconnect, _):
            lastFailure = nil
            enter(.active)
            pollAt = now + limits.poll
            return [.publish, run(.observe, at: now)]
        case (_, .observed(let observation)):
            pollAt = now + limits.poll
            if let loss = take(observation, at: now) { return deactivate(because: loss, at: now) }
            return [.publish] + lookAgainIfWanted(at: now)
        case (_, .failed(let failure)):
            pollAt = now + limits.poll
            if let loss = countFailedObservation(failure) { return deactivate(because: loss, at: now) }
            return lookAgainIfWanted(at: now)
        case (_, .done):
            return lookAgainIfWanted(at: now)
        }
    }

    mutating func tickRecovering(at now: Duration) -> [Effect] {
        if let stateDeadline, stateDeadline <= now {
            let cause = lastFailure.map { ": \($0.message)" } ?? ""
            return deactivate(
                because: SlotFailure(.connectionLost, "the source did not come back\(cause)"), at: now)
        }
        var effects: [Effect] = []
        if let end = stallEnd, end <= now {
            stallEnd = nil
            effects.append(.publish)
        }
        guard running == nil else { return effects }
        if let retryAt, retryAt <= now {
            self.retryAt = nil
            return effects + [run(.reconnect, at: now)]
        }
        guard let pollAt, pollAt <= now else { return effects }
        return effects + [run(.observe, at: now)]
    }

    private var retryDelay: Duration {
        limits.pause(after: attempts)
    }
}
