internal import DBusProtocol
internal import FaultPlan
internal import HostObserver
internal import RunLog
internal import Scenarios
internal import VirtualMedia
internal import Worlds

/// Carries out the steps of a scenario.
struct StepPlayer: Sendable {
    /// How long a host may take to find a medium that a step reads or writes.
    static let diskPatience = Duration.seconds(60)
    private static let busy = "System.Error.EBUSY"
    /// What a caller hears where there is nobody to answer.
    private static let unanswered: Set<String> = [
        ErrorName.noReply, ErrorName.disconnected, ErrorName.serviceUnknown,
    ]

    let context: RunContext
    let slots: [SlotUnderTest]
    let host: HostMachine
    let check: ConditionCheck
    let engine: FaultEngine
    let disturbances: Disturbances
    /// Ends all faults for good.
    let heal: @Sendable () async -> Void

    func play(_ steps: [Scenario.Step]) async throws(StepFailure) {
        for step in steps {
            guard !Task.isCancelled else { return }
            try await play(step)
        }
    }

    private func play(_ step: Scenario.Step) async throws(StepFailure) {
        if step.isTroubleItself { context.effects.excuse() }
        switch step {
        case .insert(let step):
            try await forEach(step.slot, "insert") { slot throws(StepFailure) in
                try judge(await slot.insert(step), step.outcomes, "insert", slot)
            }
        case .eject(let step):
            try await forEach(step.slot, "eject") { slot throws(StepFailure) in
                try judge(await slot.eject(step), step.outcomes, "eject", slot)
            }
        case .wait(.time(let time)):
            context.recorder.record(.scenario, "wait", detail: "\(time)")
            try? await context.clock.sleep(until: context.now + time)
        case .wait(.until(let condition, let limit)): try await wait(until: condition, within: limit)
        case .expect(let condition):
            context.recorder.record(.scenario, "expect")
            if let objection = await check.objection(to: condition) {
                throw StepFailure(step: "expect", slot: nil, detail: objection)
            }
        case .read(let step):
            try await forEach(step.slot, "read") { slot throws(StepFailure) in
                try await transfer(step.spans, step.outcome, step.within, "read", slot) { range, disk, size in
                    await slot.read(range, from: disk, blockByteCount: size)
                }
            }
        case .write(let step): try await write(step)
        case .host(let step):
            context.recorder.record(.scenario, "host \(step.kind.rawValue)")
            for slot in targets(of: step) { try await act(step.kind, slot) }
        case .process(let step):
            context.recorder.record(.scenario, "\(step.kind.rawValue) \(step.target.rawValue)")
            let names = step.target == .server ? check.chosen(step.slot).map(\.name) : [nil]
            for name in names { try await perform(.process(step.kind, step.target, slot: name), "process") }
        case .image(let change):
            context.recorder.record(.scenario, "image \(change.kind.rawValue)", detail: change.image)
            try await perform(.image(change), "image")
        case .heal(let step):
            context.recorder.record(.scenario, "heal", detail: step.faults.joined(separator: ", "))
            if step.faults.isEmpty { await heal() }
            for fault in step.faults { engine.remove(fault, at: context.now) }
        case .mark(let name): context.recorder.record(.scenario, "mark \(name)")
        case .repeat(let group): for _ in 0..<group.times { try await play(group.steps) }
        case .parallel(let group): try await parallel(group)
        case .choose: throw StepFailure(step: "choose", slot: nil, detail: "the scenario is not resolved")
        }
    }

    // MARK: Requests

    private func judge(
        _ end: SlotUnderTest.RequestEnd, _ outcomes: [Scenario.Step.Outcome], _ step: String,
        _ slot: SlotUnderTest
    ) throws(StepFailure) {
        context.recorder.record(.scenario, slot: slot.name, step, detail: "\(end)")
        noteTrouble(end, step, slot)
        let isRight: Bool
        switch end {
        case .accepted: return
        case .late:
            throw StepFailure(step: step, slot: slot.name, detail: "no Completion in time", isLate: true)
        // The service was killed by the scenario: no answer is the right answer.
        case .orphaned: return
        case .standingStill, .imageMissing: isRight = outcomes.contains(.any)
        case .completed(let code): isRight = outcomes.contains(.completed(code)) || outcomes.contains(.any)
        case .refused(let name):
            isRight = outcomes.contains {
                switch $0 {
                case .any, .refused(nil): true
                case .refused(.busy): name == Self.busy
                case .refused(.denied): name == ErrorName.accessDenied
                case .refused(.invalid): name == ErrorName.invalidArguments
                case .completed: false
                }
            }
        }
        if !isRight {
            throw StepFailure(
                step: step, slot: slot.name, detail: "ended with \(end); expected was \(outcomes)")
        }
    }

    /// What a client sees of a request that did not do what it asked for.
    private func noteTrouble(_ end: SlotUnderTest.RequestEnd, _ step: String, _ slot: SlotUnderTest) {
        let isMount = step == "insert"
        switch end {
        // What a client cancels is no trouble of his.
        case .completed(let code) where code != .done && code != .cancelled:
            context.effects.note(
                isMount ? .mountFailed(code: code.rawValue) : .unmountFailed(code: code.rawValue),
                slot: slot.name)
        case .refused(let name) where Self.unanswered.contains(name):
            context.effects.note(.callLost, slot: slot.name)
        // A slot that is busy or has a medium says so whatever goes on; there is nothing to eject where nothing was
        // inserted.
        case .refused(let name) where isMount && name != Self.busy && !slot.isInserted:
            context.effects.note(.mountFailed(code: nil), slot: slot.name)
        default: break
        }
    }

    private func wait(until condition: Scenario.Condition, within limit: Duration) async throws(StepFailure) {
        context.recorder.record(.scenario, "wait until")
        let check = self.check
        let last = await context.wait(until: context.now + limit, poll: ConditionCheck.poll) { () -> Bool? in
            await check.objection(to: condition) == nil ? true : nil
        }
        guard last == nil, let objection = await check.objection(to: condition) else { return }
        throw StepFailure(
            step: "wait", slot: nil, detail: "not within \(limit): \(objection)", isLate: true)
    }

    // MARK: Data

    private func write(_ step: Scenario.Step.Write) async throws(StepFailure) {
        try await forEach(step.slot, "write") { slot throws(StepFailure) in
            try await transfer(step.spans, step.outcome, step.within, "write", slot) { range, disk, size in
                await slot.write(range, to: disk, blockByteCount: size, isDurable: step.isDurable)
            }
            guard step.isFlushed, let disk = host.disk(of: slot.name) else { return }
            let end = await slot.flush(disk)
            if step.outcome == .good, end != .passed {
                throw StepFailure(step: "write", slot: slot.name, detail: "the flush ended with \(end)")
            }
        }
    }

    private func transfer(
        _ spans: [Scenario.Span], _ wanted: Scenario.Step.DataOutcome, _ limit: Duration?, _ name: String,
        _ slot: SlotUnderTest,
        _ body: @Sendable (Range<UInt64>, HostDisk, UInt64) async -> SlotUnderTest.Transfer
    ) async throws(StepFailure) {
        let start = context.now
        let (disk, unit) = try await readyDisk(of: slot, name, wanted)
        guard let disk, let unit else { return }
        let size = UInt64(unit.capacity.blockByteCount)
        let step = UInt64(await disk.blocksPerCommand) * size
        var failures = 0
        for span in spans {
            let bytes = span.bytes(of: unit.byteCount)
            var offset = bytes.lowerBound / size * size
            let end = (bytes.upperBound + size - 1) / size * size
            while offset < end {
                let range = offset..<min(offset + step, end)
                if await body(range, disk, size) != .passed { failures += 1 }
                offset = range.upperBound
                if let limit, context.now - start > limit {
                    throw StepFailure(
                        step: name, slot: slot.name, detail: "not done within \(limit)", isLate: true)
                }
                // A host that gets nothing but errors stops asking.
                if failures > 64 { break }
            }
        }
        context.recorder.record(.scenario, slot: slot.name, name, hasSucceeded: failures == 0)
        switch wanted {
        case .good where failures > 0:
            throw StepFailure(step: name, slot: slot.name, detail: "\(failures) requests failed")
        case .error where failures == 0:
            throw StepFailure(step: name, slot: slot.name, detail: "every request passed; one had to fail")
        default: return
        }
    }

    private func readyDisk(
        of slot: SlotUnderTest, _ name: String, _ wanted: Scenario.Step.DataOutcome
    ) async throws(StepFailure) -> (HostDisk?, UnitReport?) {
        let deadline = context.now + Self.diskPatience
        let host = self.host
        while true {
            let found = await context.wait(until: deadline) { host.disk(of: slot.name) }
            guard let disk = found else {
                if wanted != .good { return (nil, nil) }
                throw StepFailure(step: name, slot: slot.name, detail: "the host has no disk", isLate: true)
            }
            let seen = context.bell.rings
            switch await disk.examine() {
            case .success(let unit): return (disk, unit)
            case .failure(.usb(.disconnected, _)) where context.now < deadline:
                // The host has yet to notice that the disk of an earlier medium has gone.
                if host.disk(of: slot.name) === disk {
                    await context.bell.wait(after: seen, until: deadline)
                }
            case .failure(let error):
                if wanted != .good { return (nil, nil) }
                throw StepFailure(step: name, slot: slot.name, detail: "\(error)")
            }
        }
    }

    // MARK: Host and world

    /// A whole host has one power switch.
    private func targets(of step: Scenario.Step.HostAction) -> [SlotUnderTest?] {
        switch step.kind {
        case .powerOff, .powerOn, .powerCycle: [nil]
        default: check.chosen(step.slot)
        }
    }

    private func act(_ kind: Scenario.Step.HostAction.Kind, _ slot: SlotUnderTest?) async throws(StepFailure)
    {
        switch kind {
        case .eject, .preventRemoval, .allowRemoval, .reset:
            guard let slot, let disk = try await readyDisk(of: slot, "host", .good).0 else { return }
            disturbances.note(slot.name, at: context.now)
            let error: ObserverError?
            switch kind {
            case .eject: error = await disk.eject()
            case .reset: error = await disk.reset()
            default: error = await disk.setRemovalPrevented(kind == .preventRemoval)
            }
            if kind == .reset { slot.count { $0.resets += 1 } }
            if let error {
                throw StepFailure(step: "host \(kind.rawValue)", slot: slot.name, detail: "\(error)")
            }
        default: try await perform(.host(kind, slot: slot?.name), "host \(kind.rawValue)")
        }
    }

    private func perform(_ action: WorldAction, _ step: String) async throws(StepFailure) {
        do throws(WorldFailure) {
            let impact = try await context.world.perform(action)
            disturbances.note(impact, slots: slots, at: context.now)
        } catch { throw StepFailure(step: step, slot: nil, detail: error.description) }
    }

    // MARK: Groups

    /// At the same time for all slots chosen.
    private func forEach(
        _ choice: Scenario.SlotChoice, _ name: String,
        _ body: @escaping @Sendable (SlotUnderTest) async throws(StepFailure) -> Void
    ) async throws(StepFailure) {
        let chosen = check.chosen(choice)
        if chosen.count == 1 { return try await body(chosen[0]) }
        try await together(
            chosen.map { slot in
                ("\(name) \(slot.name)", { () async throws(StepFailure) in try await body(slot) })
            })
    }

    private func parallel(_ group: Scenario.Step.Parallel) async throws(StepFailure) {
        try await together(
            group.branches.enumerated().map { number, steps in
                ("branch \(number)", { () async throws(StepFailure) in try await play(steps) })
            })
    }

    private typealias Branch = (name: String, body: @Sendable () async throws(StepFailure) -> Void)

    /// - Throws: the failure of the first branch in order, once all have ended.
    private func together(_ branches: [Branch]) async throws(StepFailure) {
        let results = BranchResults()
        var tasks: [any SpawnedTask] = []
        for (number, branch) in branches.enumerated() {
            tasks.append(
                context.world.spawner.spawn(branch.name, .shared) {
                    do throws(StepFailure) { try await branch.body() } catch { results.put(error, number) }
                })
        }
        for task in tasks { await task.finished() }
        if let failure = results.first { throw failure }
    }
}

extension Scenario.Step {
    /// Whether a sound system may fail because of the step alone, so that a fault need not be why.
    fileprivate var isTroubleItself: Bool {
        switch self {
        case .process, .image, .host: true
        case .insert(let step):
            step.credentials != .fitting || step.url != nil || !step.isAwaited
                || !(step.outcomes.contains(.any) || step.outcomes.contains(.completed(.done)))
        default: false
        }
    }
}
