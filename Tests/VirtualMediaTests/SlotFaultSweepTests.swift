import FaultPoints
import SimulatedBMC
import SimulatedTime
import Synchronization
import Testing

@testable import VirtualMedia

/// One fault in the kernel at every operation of a mount and an unmount, one run for each: both are
/// answered once, within their time, and nothing is left.
struct SlotFaultSweepTests {
    /// Fires once, at the occasion with that number; counts occasions of the kernel from 0.
    private final class OneFault: FaultInjector {
        private struct State {
            var count = 0
            var names: [FaultOccasion] = []
            var hasFired = false
            var isPaused = false
        }
        private let number: Int
        private let actions: [FaultAction]
        private let state = Mutex(State())

        init(at number: Int, _ actions: [FaultAction]) {
            self.number = number
            self.actions = actions
        }

        var occasions: [FaultOccasion] { state.withLock { $0.names } }
        var hasFired: Bool { state.withLock { $0.hasFired } }

        /// Lets a look at the result pass uncounted.
        func pause(_ isPaused: Bool) { state.withLock { $0.isPaused = isPaused } }

        func meet(_ occasion: FaultOccasion) -> [FaultAction] {
            state.withLock { state in
                guard !state.isPaused else { return [] }
                defer { state.count += 1 }
                state.names.append(occasion)
                guard state.count == number else { return [] }
                let known = actions.filter {
                    SimulatedKernel.carriedOut.carriesOut($0, on: occasion.operation, of: occasion.layer)
                }
                state.hasFired = !known.isEmpty
                return known
            }
        }
    }

    /// Every attribute below a directory, but for what the controller decides.
    private static func attributes(_ path: String, _ kernel: SimulatedKernel) async -> [String] {
        guard let names = try? await kernel.list(path) else {
            let value = (try? await kernel.read(path)) ?? "-"
            return [path.hasSuffix("/UDC") ? "\(path) bound: \(!value.isEmpty)" : "\(path): \(value)"]
        }
        var found = [path]
        for name in names { found += await attributes(path.isEmpty ? name : "\(path)/\(name)", kernel) }
        return found
    }

    /// Mounts, lets a second pass, unmounts; what went wrong with that, in words.
    ///
    /// - Parameter expected: the gadget's tree of a mount without faults.
    /// - Returns: also the tree of this one.
    private static func problems(_ faults: OneFault, _ mode: SlotMode, expected: [String]? = nil) throws
        -> (problems: [String], tree: [String])
    {
        let found = Mutex<[String]>([])
        let tree = Mutex<[String]>([])
        try SlotOnKernelTests.run(.linux6_12, mode, faults: faults) { run in
            func note(_ text: String) { found.withLock { $0.append(text) } }
            let clock = run.simulation.clock
            func wait(_ limit: Duration, _ what: String, _ isDone: () async -> Bool) async throws {
                let start = clock.now
                while await !isDone() {
                    guard clock.now - start < limit else { return note("\(what) not within \(limit)") }
                    try await clock.sleep(for: .milliseconds(100))
                }
            }
            try await run.harness.mount()
            try await wait(.seconds(40), "mount answered") { run.harness.completions.count == 1 }
            if run.harness.completions == [.done] {
                try await clock.sleep(for: .seconds(2))
                if await run.harness.slot.report.state == .active {
                    faults.pause(true)
                    let seen = await attributes("", run.kernel)
                    faults.pause(false)
                    tree.withLock { $0 = seen }
                    if let expected, seen != expected {
                        let other = zip(seen, expected).filter { $0 != $1 }.map { "\($0), not \($1)" }
                        note("inserted with another gadget: \(other.prefix(3))")
                    }
                    try await run.harness.slot.unmount()
                    try await wait(.seconds(50), "unmount answered") { run.harness.completions.count == 2 }
                }
            }
            try await wait(.seconds(60), "ready") { await run.harness.slot.report.state == .ready }
            // What was left behind is swept; what was held is let go.
            try await clock.sleep(for: .seconds(120))
            if run.harness.completions.count > 2 { note("\(run.harness.completions.count) completions") }
            faults.pause(true)
            let gadgets = try await run.gadgets
            if !gadgets.isEmpty { note("left: \(gadgets)") }
            if try await run.kernel.status(of: "nbd0").isAttached { note("left: nbd0 attached") }
            if !run.world.leftovers.isEmpty { note("left: \(run.world.leftovers)") }
        }
        return (found.withLock { $0 }, tree.withLock { $0 })
    }

    private static let actions: [[FaultAction]] = [
        [.fail(errno: 5)], [.failAfterwards(errno: 5)], [.fail(errno: 16)], [.short(byteCount: 1)],
        [.pretend], [.delay(.seconds(8))], [.special("vanish", 0)], [.drop], [.special("held-open", 4000)],
        [.lie(field: "size", value: 8192)], [.lie(field: "value", value: 1)], [.special("newline", 0)],
    ]

    @Test(arguments: actions.indices, SlotMode.allCases)
    func `a mount and an unmount survive one fault at any operation of the kernel`(
        action: Int, mode: SlotMode
    ) throws {
        let clean = OneFault(at: .max, [])
        let (none, tree) = try Self.problems(clean, mode)
        #expect(none.isEmpty && tree.count > 40)
        for number in clean.occasions.indices {
            let faults = OneFault(at: number, Self.actions[action])
            let problems = try Self.problems(faults, mode, expected: tree).problems
            guard faults.hasFired, !problems.isEmpty else { continue }
            let met = faults.occasions[number]
            Issue.record(
                "\(Self.actions[action]) on \(met.operation) \(met.target) (\(number)): \(problems)")
        }
    }
}
