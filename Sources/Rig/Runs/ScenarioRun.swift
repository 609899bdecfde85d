package import FaultPlan
package import RunLog
package import Scenarios
internal import SimulatedTime
import Synchronization
internal import VirtualMedia
package import Worlds

/// One run of a resolved scenario in a world: plays the steps, lets the faults happen, heals, waits for
/// everything to settle, and looks at what must be true all along.
package final class ScenarioRun: Sendable {
    /// What the run found; the caller knows the rest of the record.
    package struct Findings: Sendable {
        package var violations: [Violation]
        package var isLive: Bool
        package var isVacuous: Bool
        package var tallies: [FaultTally]
        package var provenByteCount: UInt64
        /// The rig could not go on.
        package var failure: String?
    }

    /// How long the slots may take to let go of everything after the last eject.
    static let settlingTime = Duration.seconds(60)

    let scenario: Scenario
    let world: any World
    let engine: FaultEngine
    let context: RunContext
    let slots: [SlotUnderTest]
    let watch: BusWatch
    let host: HostMachine
    let check: ConditionCheck
    let disturbances: Disturbances
    private let links: Links
    private let works = Mutex<[String: Int]>([:])
    private let isOver = Mutex(false)
    /// Strikes that are being carried out.
    private let pendingStrikes = StrikeCount()
    /// By fault, the last one.
    private let strikes = Mutex<[String: any SpawnedTask]>([:])
    /// Why the rig could not do what a fault asked for.
    private let isBroken = Mutex<String?>(nil)

    /// What has to be known before the parts that know it exist.
    package final class Links: Sendable {
        private let run = Mutex<Weak>(Weak())
        private struct Weak { weak var run: ScenarioRun? }
        package init() {}
        var scenarioRun: ScenarioRun? { run.withLock { $0.run } }
        func tie(_ scenarioRun: ScenarioRun) { run.withLock { $0.run = scenarioRun } }
    }

    /// - Parameters:
    ///   - resolved: nothing in it is left to be drawn.
    ///   - links: what the world's faults and bus were made with.
    package init(
        _ resolved: Scenario.Resolved, in world: any World, engine: FaultEngine, recorder: RunRecorder,
        links: Links
    ) {
        let scenario = resolved.scenario
        self.scenario = scenario
        self.world = world
        self.engine = engine
        self.links = links
        let clock = world.clock
        let off = Set(scenario.invariantsOff.keys.map(\.rawValue))
        let violations = Violations(recorder: recorder, off: off, now: { clock.now })
        let context = RunContext(
            scenario: scenario, seed: resolved.seed, world: world, recorder: recorder,
            violations: violations, bell: ChangeBell(clock: clock, spawner: world.spawner),
            random: RandomStreams(seed: resolved.seed), effects: Effects(now: { clock.now }))
        self.context = context
        disturbances = Disturbances(context.standstills)
        watch = BusWatch(
            world.configuration, recorder: recorder, violations: violations,
            answersAtOnce: scenario.answersAtOnce, now: { clock.now },
            accepted: { call in links.scenarioRun?.slot(call.slot)?.accepted(call) },
            moved: { links.scenarioRun?.moved($0) },
            completed: { slot, code in links.scenarioRun?.completed(slot, code) })
        let watch = self.watch
        slots = scenario.topology.slots.compactMap { plan in
            world.configuration.slots.first { $0.name == plan.name }.map {
                SlotUnderTest(plan, $0, context, watch: watch)
            }
        }
        let speed = scenario.topology.controllers.first?.speed ?? .high
        let serials = Dictionary(
            uniqueKeysWithValues: world.configuration.slots.map { ($0.usb.serialNumber ?? "", $0.name) })
        let machine = scenario.topology.host
        host = HostMachine(
            in: world, profile: { machine.observed(speed: speed) }, slotOfSerial: serials,
            recorder: recorder,
            changed: { slot, disk, isThere in links.scenarioRun?.hostSaw(disk, of: slot, isThere) })
        check = ConditionCheck(
            context: context, slots: slots, host: host, watch: watch, engine: engine,
            busySlots: { links.scenarioRun?.busySlots ?? [] })
        links.tie(self)
    }

    func slot(_ name: String) -> SlotUnderTest? { slots.first { $0.name == name } }
    private var busySlots: Set<String> { works.withLock { Set($0.filter { $0.value > 0 }.keys) } }

    // MARK: The run

    package func run() async -> Findings {
        var failure: String?
        var isLate = false
        if let password = scenario.topology.store.password { watch.forbid(Array(password.utf8)) }
        host.start()
        let background = startBackground()
        do throws(WorldFailure) { try await world.start() } catch { failure = error.description }
        if failure == nil {
            do throws(StepFailure) {
                try await player.play(scenario.steps.isEmpty ? Scenario.Step.wholeLife : scenario.steps)
            } catch {
                isLate = error.isLate
                context.violations.reportStep(error.step, slot: error.slot, error.detail)
            }
            await heal()
            if context.violations.isEmpty { isLate = await converge() || isLate }
            if context.violations.isEmpty { isLate = await letGo() || isLate }
        }
        isOver.withLock { $0 = true }
        for task in background { task.cancel() }
        context.bell.ring()
        host.stop()
        checkLimits()
        if failure == nil { context.effects.report(to: context.violations) }
        let findings = findings(failure: failure, isLate: isLate)
        for slot in slots { await slot.close() }
        await world.shutDown()
        return findings
    }

    private var player: StepPlayer {
        StepPlayer(
            context: context, slots: slots, host: host, check: check, engine: engine,
            disturbances: disturbances, heal: { [self] in await heal() })
    }

    private func findings(failure: String?, isLate: Bool) -> Findings {
        let proven = slots.reduce(0) { $0 + $1.counters.provenByteCount }
        let mustFire = scenario.invariantsOff[.faultsFired] == nil
        return Findings(
            violations: context.violations.all, isLive: !isLate,
            isVacuous: (mustFire && engine.isVacuous) || (proven == 0 && readsAnything),
            tallies: engine.tallies, provenByteCount: proven,
            failure: failure ?? isBroken.withLock { $0 })
    }

    /// Whether the scenario means to prove data at all.
    private var readsAnything: Bool {
        guard scenario.topology.host.isPresent else { return false }
        if scenario.workload.contains(where: { $0.kind != .idle }) || scenario.steps.isEmpty { return true }
        return scenario.steps.contains { step in
            if case .read(let read) = step { read.outcome == .good } else { false }
        }
    }

    private func heal() async {
        context.recorder.record(.scenario, "heal")
        engine.heal(at: context.now)
        let pending = pendingStrikes
        _ = await context.wait(until: context.now + Self.settlingTime) { () -> Bool? in
            pending.isZero ? true : nil
        }
        await world.repair()
        await host.revive()
        context.bell.ring()
    }

    // MARK: Background

    private func startBackground() -> [any SpawnedTask] {
        var tasks = [world.spawner.spawn("strikes", .shared) { [self] in await strike() }]
        if let time = scenario.phases.faultsUntil {
            tasks.append(later(time, "faults end") { [engine] now in engine.clear(at: now) })
        }
        if let time = scenario.phases.healAt {
            tasks.append(later(time, "heal") { [self] _ in await heal() })
        }
        return tasks
    }

    private func later(_ time: Duration, _ name: String, _ body: @escaping @Sendable (Duration) async -> Void)
        -> any SpawnedTask
    {
        let clock = world.clock
        return world.spawner.spawn(name, .shared) {
            do { try await clock.sleep(until: time) } catch { return }
            await body(clock.now)
        }
    }

    /// Timed faults happen when they are due; those set off by events come with the events.
    private func strike() async {
        while !isOver.withLock({ $0 }), !Task.isCancelled {
            engine.strikes(dueAt: context.now)
            let seen = context.bell.rings
            guard let next = engine.nextStrike else {
                await context.bell.wait(after: seen, until: context.now + HostMachine.portPatience)
                continue
            }
            await context.bell.wait(after: seen, until: next)
        }
    }

    /// Carries out a strike of the engine, which may come from any place in the world. What one fault does
    /// keeps its order: it begins before it ends.
    package func perform(_ strike: Strike) {
        pendingStrikes.begin()
        strikes.withLock { strikes in
            let before = strikes[strike.identifier]
            strikes[strike.identifier] = world.spawner.spawn("strike \(strike.identifier)", .shared) {
                [self] in
                await before?.finished()
                await carryOut(strike)
                pendingStrikes.end()
                context.bell.ring()
            }
        }
    }

    private func carryOut(_ strike: Strike) async {
        do throws(WorldFailure) {
            if let action = HostStrike(strike) {
                for slot in slots where strike.slot == nil || strike.slot == slot.name {
                    disturbances.note(slot.name, at: context.now)
                    await action.perform(by: host, on: slot)
                }
            } else {
                let impact = try await context.world.perform(.strike(strike))
                disturbances.note(impact, slots: slots, at: context.now)
            }
        } catch {
            context.recorder.record(
                .fault, "strike failed", detail: error.description, hasSucceeded: false)
            isBroken.withLock { $0 = error.description }
        }
    }

    /// A fault has fired; conditions may wait for it.
    package func fired(_ firing: FaultFiring) {
        let slot = firing.occasion?.slot ?? firing.strike?.slot
        if firing.actions.contains(.duplicate), firing.occasion?.layer == .dbus, let slot {
            watch.callDoubled(to: slot)
        }
        context.effects.note(firing, slotState: slot.map { watch.ledger(of: $0).state })
        context.bell.ring()
    }

    /// The store has another version of an image, from this moment on.
    package func imageChanged(_ image: String) { for slot in slots { slot.imageChanged(image) } }

    /// The service has died without a word; what it held is gone.
    package func serviceDied() {
        watch.serviceDied()
        context.standstills.endAll(of: "service", at: context.now)
        for slot in slots { slot.serviceDied() }
        context.bell.ring()
    }

    /// The disk of a slot has come, or is gone.
    private func hostSaw(_ disk: HostDisk, of slot: String, _ isThere: Bool) {
        let isInUse = ["Active", "Recovering"].contains(watch.ledger(of: slot).state)
        // A host that is late may only now see the device of an earlier medium go.
        if !isThere, isInUse, let slotUnderTest = self.slot(slot), !slotUnderTest.isAskedBack,
            disk.news.medium == slotUnderTest.mediumNumber
        {
            context.effects.note(.deviceLost, slot: slot)
        }
        context.bell.ring()
    }

    // MARK: What the service says

    private func moved(_ transition: BusWatch.Transition) {
        engine.stateChanged(transition.slot, from: transition.from, to: transition.to, at: context.now)
        if let slot = slot(transition.slot) {
            if isGivingUp(transition, slot) { context.effects.note(.givenUp, slot: slot.name) }
            slot.entered(transition.to)
        }
        context.bell.ring()
    }

    /// Whether the service lets go of a medium that nobody asked back; one that was not used goes in order.
    private func isGivingUp(_ transition: BusWatch.Transition, _ slot: SlotUnderTest) -> Bool {
        guard transition.to == "Deactivating", transition.from != "Activating", !slot.isLeaving else {
            return false
        }
        let hasFailed = (watch.ledger(of: slot.name).told["LastErrorCode"] ?? "0") != "0"
        return hasFailed || slot.plan.inactivity == nil
    }

    private func completed(_ name: String, _ code: Int32) {
        guard let slot = slot(name) else { return }
        let wasInserted = slot.isInserted
        slot.completed(code)
        context.bell.ring()
        guard slot.isInserted, !wasInserted else { return }
        let context = self.context
        // What befell the host while the medium went in was perhaps not yet to be seen.
        let begun = watch.ledger(of: name).askedAt ?? context.now
        world.spawner.spawn("\(name) truth", .shared) { [disturbances] in
            let inspection = await context.world.inspect(slot.configuration)
            guard let objection = PathViews.objectionToInsertion(slot, inspection),
                !disturbances.hasBeen(name, since: begun), slot.isInserted, !slot.isAskedBack
            else { return }
            context.violations.report(
                .truth, slot: name, "Completion(0), but the host cannot read: \(objection)")
        }
        startWork(slot)
    }

    private func startWork(_ slot: SlotUnderTest) {
        for plan in scenario.workload where plan.slot == .all || plan.slot == .named(slot.name) {
            let work = HostWork(plan: plan, slot: slot, host: host, context: context)
            works.withLock { $0[slot.name, default: 0] += 1 }
            world.spawner.spawn("\(slot.name) work", .shared) { [self] in
                await work.run()
                works.withLock { $0[slot.name, default: 1] -= 1 }
                context.bell.ring()
            }
        }
    }
}
