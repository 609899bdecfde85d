internal import DBusProtocol
internal import FaultPlan
internal import FaultPoints
internal import LinuxPlatform
package import RunLog
internal import Runs
package import Scenarios
import Synchronization
internal import Threads
internal import VirtualMedia
internal import Worlds

/// A world on the real clock.
/// What a world tells whoever watches the run.
struct WorldTidings: Sendable {
    /// Each message that enters the bus, before any fault touches it.
    let saw: @Sendable (Envelope) -> Void
    /// The name of an image of which the store has another version.
    let imageChanged: @Sendable (_ image: String) -> Void
    /// The service was killed.
    let serviceDied: @Sendable () -> Void
}

/// Which world on the real clock.
package enum RealTimePlace: Sendable {
    /// The kernel is a model.
    case emulated
    /// The kernel is this machine's own, with that program as the service.
    case kernel(daemon: String)

    package var world: Scenario.World {
        switch self {
        case .emulated: .emulated
        case .kernel: .kernel
        }
    }

    /// - Returns: what the scenario needs and the world lacks, in words.
    func missing(for scenario: Scenario) -> [String] {
        switch self {
        case .emulated: EmulatedCapabilities.missing(for: scenario)
        case .kernel: KernelCapabilities.missing(for: scenario)
        }
    }
}

/// Runs a resolved scenario in an emulated world or on this machine's kernel, in real time.
///
/// The seed decides on the plan and on what the host reads and writes, as everywhere; the order of what happens
/// at the same time is this machine's.
package struct RealTimeRun: Sendable {
    /// A world that was given up is taken down within this, or left as it is.
    static let takeDownTime = Duration.seconds(20)

    package let resolved: Scenario.Resolved
    package let place: RealTimePlace
    package var maximumEvents = RunRecorder.maximumEvents
    /// Of MediaRig.
    package var commit = "unknown"
    /// In place of the budget of the scenario.
    package var timeLimit: Duration?

    package init(_ resolved: Scenario.Resolved, in place: RealTimePlace = .emulated) {
        self.resolved = resolved
        self.place = place
    }

    /// For a thread that may block.
    package func recordBlocking() -> RunRecord {
        let outcome = Monitor<RunRecord?>(nil)
        Task {
            let record = await record()
            outcome.change { $0 = record }
        }
        return outcome.wait { $0 }
    }

    /// Never throws: whatever goes wrong is in the record.
    package func record() async -> RunRecord {
        var record = RunRecord(identity)
        let clock = RunClock()
        let links = ScenarioRun.Links()
        let recorder = RunRecorder(
            maximumEvents: maximumEvents, now: { clock.now },
            observer: links.observer(for: resolved.scenario))
        let thread = ThreadExecutor(name: "kernel")
        defer { thread.stop() }
        let play = RealTimePlay(resolved, in: place, links, recorder: recorder, clock: clock, thread: thread)
        let limit = timeLimit ?? resolved.scenario.budgets.virtualTime
        switch await play.end(within: limit) {
        case .found(let findings):
            record.violations = findings.violations
            record.faults = findings.tallies
            record.provenByteCount = findings.provenByteCount
            record.verdict = findings.verdict(expecting: resolved.scenario.expect)
            if let failure = findings.failure {
                record.violations.append(Violation("rig", at: clock.now, failure))
            }
        case .failed(let reason):
            record.violations.append(Violation("rig", at: clock.now, reason))
            record.verdict = .broken
        case .late(let violations):
            record.violations =
                violations + [Violation("out of time", at: clock.now, "not over after \(limit)")]
            record.verdict = .notLive
        }
        record.events = recorder.events
        record.omittedEventCount = recorder.omittedEventCount
        record.virtualNanoseconds = clock.now.wholeNanoseconds
        record.wallNanoseconds = clock.now.wholeNanoseconds
        return record
    }
}

extension RealTimeRun {
    private var identity: RunIdentity {
        var identity = RunIdentity(resolved, world: place.world, schedule: "real time", commit: commit)
        // The rules that the scenario names are a model's; a kernel has its own.
        if place.world == .kernel, let release = KernelText.line(of: "/proc/sys/kernel/osrelease") {
            identity.kernel = release
        }
        return identity
    }
}

/// One run under way, and its end or the end of its time, whichever is first.
final class RealTimePlay: Sendable {
    enum End: Sendable {
        case found(ScenarioRun.Findings)
        /// The world could not be set up.
        case failed(String)
        case late([Violation])
    }

    private struct State {
        var end: End?
        var waiting: CheckedContinuation<End, Never>?
        var world: (any RealTimeWorld)?
        var run: ScenarioRun?
    }

    private let resolved: Scenario.Resolved
    private let place: RealTimePlace
    private let links: ScenarioRun.Links
    private let recorder: RunRecorder
    private let clock: RunClock
    private let thread: ThreadExecutor
    private let state = Mutex(State())

    init(
        _ resolved: Scenario.Resolved, in place: RealTimePlace, _ links: ScenarioRun.Links,
        recorder: RunRecorder, clock: RunClock, thread: ThreadExecutor
    ) {
        self.resolved = resolved
        self.place = place
        self.links = links
        self.recorder = recorder
        self.clock = clock
        self.thread = thread
    }

    func end(within limit: Duration) async -> End {
        let play = Task(executorPreference: thread) { self.finish(await self.perform()) }
        let alarm = Task { [self] in
            do { try await clock.sleep(until: limit) } catch { return }
            finish(.late(state.withLock { $0.run }?.violationsSoFar ?? []))
        }
        let end = await withCheckedContinuation { continuation in
            let end = state.withLock { state -> End? in
                if state.end == nil { state.waiting = continuation }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
        alarm.cancel()
        play.cancel()
        if case .late = end { await giveUp() }
        return end
    }

    private func finish(_ end: End) {
        let waiting = state.withLock { state -> CheckedContinuation<End, Never>? in
            guard state.end == nil else { return nil }
            state.end = end
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: end)
    }

    private func perform() async -> End {
        let links = self.links
        do {
            let engine = try FaultEngine(
                FaultPlan(resolved.scenario.faults), seed: resolved.seed,
                surroundings: links.surroundings(recorder: recorder))
            let world = try makeWorld(LaneTap(engine, recorder: recorder))
            let run = ScenarioRun(resolved, in: world, engine: engine, recorder: recorder, links: links)
            state.withLock { state in
                state.world = world
                state.run = run
            }
            return .found(await run.run())
        } catch { return .failed("\(error)") }
    }

    private func makeWorld(_ faults: LaneTap) throws(WorldFailure) -> any RealTimeWorld {
        let links = self.links
        let tidings = WorldTidings(
            saw: { links.saw($0) }, imageChanged: { links.imageChanged($0) },
            serviceDied: { links.serviceDied() })
        switch place {
        case .emulated:
            return try EmulatedWorld(
                resolved, on: thread, clock: clock, faults: faults, recorder: recorder, tidings)
        case .kernel(let daemon):
            return try KernelWorld(
                resolved, on: thread, clock: clock, faults: faults, recorder: recorder, tidings,
                daemon: daemon)
        }
    }

    /// Takes down what is left of a run that is stuck, as far as that goes.
    private func giveUp() async {
        guard let world = state.withLock({ $0.world }) else { return }
        let isDown = Monitor(false)
        Task(executorPreference: thread) {
            await world.takeDown()
            isDown.change { $0 = true }
        }
        _ = await BlockingThread.value("give up") {
            isDown.wait(atMost: RealTimeRun.takeDownTime) { $0 ? true : nil }
        }
    }
}
