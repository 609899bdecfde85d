/// Runs the machine of one slot: decides at once, carries out steps one by one, keeps the deadlines.
package actor Slot {
    package nonisolated let configuration: SlotConfiguration
    private let platform: MediaPlatform
    private let controllers: ControllerPool
    private let tell: @Sendable (SlotNotice) -> Void
    private let deciding: SlotDecisions

    private var machine: SlotMachine
    /// Of the present or the last mount.
    private var path: MediaPath?
    private var steps: [UInt64: any SpawnedTask] = [:]
    private var timer: (task: any SpawnedTask, deadline: Duration)?
    private var restWaiters: [CheckedContinuation<Void, Never>] = []
    private var lastReport: SlotReport

    /// - Parameter tell: Takes each notice, in order, without waiting.
    package init(
        _ configuration: SlotConfiguration, on platform: MediaPlatform, sharing controllers: ControllerPool,
        deciding: SlotDecisions = .asDesigned, tell: @escaping @Sendable (SlotNotice) -> Void
    ) {
        self.configuration = configuration
        self.platform = platform
        self.controllers = controllers
        self.tell = tell
        self.deciding = deciding
        machine = SlotMachine(mode: configuration.mode, limits: deciding.limits(configuration))
        lastReport = SlotReport(kind: configuration.kind)
    }

    package var report: SlotReport { lastReport }

    /// Removes what an earlier process left, and returns once that is done or given up.
    package func start() async {
        carryOut(decide(.start))
        await rest()
    }

    /// Answers at once; a ``SlotNotice/completion(_:_:)`` follows.
    ///
    /// - Parameter accepted: Called before any notice of this mount.
    package func mount(_ request: MountRequest, accepted: @Sendable () -> Void = {})
        throws(SlotMachine.Refusal)
    {
        let effects = decide(.mount)
        if case .refuse(let refusal)? = effects.first { throw refusal }
        path = MediaPath(configuration, request, on: platform, sharing: controllers)
        accepted()
        carryOut(effects)
    }

    /// Answers at once; a ``SlotNotice/completion(_:_:)`` follows.
    package func unmount(accepted: @Sendable () -> Void = {}) throws(SlotMachine.Refusal) {
        let effects = decide(.unmount)
        if case .refuse(let refusal)? = effects.first { throw refusal }
        accepted()
        carryOut(effects)
    }

    /// Something may have changed, with the device, the gadget or the controller.
    package func hint() { carryOut(decide(.hint)) }

    /// Refuses mounts from now on, if nothing is mounted or on its way.
    ///
    /// - Returns: whether that is so.
    package func retire() -> Bool {
        guard machine.isAtRest else { return false }
        carryOut(decide(.shutDown))
        return true
    }

    /// Takes a mounted medium down; refuses mounts from now on.
    package func shutDown() async {
        carryOut(decide(.shutDown))
        await rest()
    }

    // MARK: Effects

    private func decide(_ event: SlotMachine.Event) -> [SlotMachine.Effect] {
        deciding.handle(&machine, event, platform.clock.now)
    }

    private func carryOut(_ effects: [SlotMachine.Effect]) {
        for effect in effects {
            switch effect {
            case .refuse: break
            case .run(let ticket): start(ticket)
            case .cancel(let ticket): cancel(ticket)
            case .publish: publish()
            case .complete(let request, let code): tell(.completion(request, code))
            }
        }
        setTimer()
        if machine.isAtRest {
            for waiter in restWaiters { waiter.resume() }
            restWaiters = []
        }
    }

    private func start(_ ticket: StepTicket) {
        let path = self.path
        let leftovers = Leftovers(slot: configuration, platform: platform)
        let name = "\(configuration.name) \(ticket.step.rawValue)"
        steps[ticket.number] = platform.spawner.spawn(name, .ownThread) { [self] in
            let outcome: SlotMachine.Outcome
            if let path, ticket.step != .sweep {
                outcome = await path.perform(ticket.step)
            } else {
                outcome = await leftovers.outcomeOfRemoval()
            }
            await finished(ticket, outcome)
        }
    }

    private func finished(_ ticket: StepTicket, _ outcome: SlotMachine.Outcome) {
        steps[ticket.number] = nil
        carryOut(decide(.finished(ticket, outcome)))
    }

    private func cancel(_ ticket: StepTicket) {
        steps[ticket.number]?.cancel()
        // While the medium stays, only this attempt is over.
        if machine.state == .deactivating { path?.interrupt() } else { path?.hangUp() }
    }

    // MARK: Deadlines

    private func setTimer() {
        guard let deadline = machine.nextDeadline else {
            timer?.task.cancel()
            timer = nil
            return
        }
        // A timer that rings too early finds nothing due and is set again.
        if let timer, timer.deadline <= deadline { return }
        timer?.task.cancel()
        let clock = platform.clock
        let task = platform.spawner.spawn("\(configuration.name) timer", .shared) { [self] in
            do { try await clock.sleep(until: deadline) } catch { return }
            await ring(deadline)
        }
        timer = (task, deadline)
    }

    private func ring(_ deadline: Duration) {
        guard timer?.deadline == deadline else { return }
        timer = nil
        carryOut(decide(.tick))
    }

    private func rest() async {
        guard !machine.isAtRest else { return }
        await withCheckedContinuation { restWaiters.append($0) }
    }

    // MARK: Report

    private func publish() {
        var report = SlotReport(kind: configuration.kind)
        report.state = machine.state
        report.lastFailure = machine.lastFailure
        report.isFailingRequests = machine.isFailingRequests
        report.inactivityDeadline = machine.inactivityDeadline
        report.exitCode = machine.exitCode
        if machine.state != .ready, let path {
            report.kind = path.request.kind
            report.imageURL = path.request.imageURL
            report.isWriteProtected = path.isWriteProtected
            report.byteCount = path.medium?.byteCount ?? 0
        }
        if let observation = machine.observation {
            report.controller = observation.controller
            report.host = HostPresence(controllerState: observation.controllerState)
            report.readBytes = observation.readBytes
            report.writtenBytes = observation.writtenBytes
        }
        guard report != lastReport else { return }
        lastReport = report
        tell(.report(report))
    }
}

extension SlotMachine {
    /// Nothing is mounted and nothing runs.
    package var isAtRest: Bool { state == .ready && running == nil }

    /// -1 before the first mount and until the present one has ended, then its outcome.
    package var exitCode: Int32 {
        guard state == .ready, generation > 0 else { return -1 }
        return lastFailure?.code.rawValue ?? 0
    }
}

extension Leftovers {
    fileprivate func outcomeOfRemoval() async -> SlotMachine.Outcome {
        do throws(SlotFailure) {
            try await remove()
            return .done
        } catch { return .failed(error) }
    }
}
