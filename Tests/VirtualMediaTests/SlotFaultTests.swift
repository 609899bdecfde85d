import Glibc
import SimulatedTime
import Testing

@testable import VirtualMedia

/// A fault at every single operation of a mount and an unmount.
struct SlotFaultTests {
    /// Operations of a whole undisturbed life.
    static let operationCount: Int = {
        let count = try? Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            try await live(harness)
            return harness.world.state.withLock { $0.operations.count }
        }
        return count ?? 0
    }()

    /// Mounts, waits for the first look, unmounts if there is something to unmount.
    static func live(_ harness: SlotHarness) async throws {
        try await harness.mount()
        try await harness.until {
            let report = await harness.slot.report
            return report.state == .active && !report.controller.isEmpty || !harness.completions.isEmpty
        }
        if await harness.slot.report.isActive {
            try await harness.slot.unmount()
            try await harness.untilCompletions(2)
        }
        try await harness.untilState(.ready)
    }

    @Test func `a life has enough operations to be worth a sweep`() {
        #expect(Self.operationCount > 45)
    }

    @Test(arguments: [EIO, EBUSY, ENOENT, ENODEV, ENOMEM, EPERM])
    func `whichever operation fails, nothing is left and every request is answered`(errno: CInt) throws {
        for number in 1...Self.operationCount {
            try Simulation(seed: 1).run { simulation in
                let harness = SlotHarness(simulation)
                harness.world.state.withLock { $0.faults[number] = .fail(errno) }
                try await Self.live(harness)
                let operation = harness.world.state.withLock { $0.operations[number - 1] }
                #expect(harness.world.leftovers.isEmpty, "errno \(errno) at \(number): \(operation)")
                #expect((1...2).contains(harness.completions.count), "\(number): \(operation)")
            }
        }
    }

    @Test func `whichever operation is blocked until it is cut, the slot comes back clean`() throws {
        for number in 1...Self.operationCount {
            try Simulation(seed: 1).run { simulation in
                let harness = SlotHarness(simulation)
                harness.world.state.withLock { $0.faults[number] = .hangUntilCut }
                try await Self.live(harness)
                let operation = harness.world.state.withLock { $0.operations[number - 1] }
                try await simulation.clock.sleep(for: .seconds(20))
                #expect(harness.world.leftovers.isEmpty, "\(number): \(operation)")
                #expect(await harness.slot.report.state == .ready)
            }
        }
    }

    @Test func `whichever operation never returns, every request is answered within its deadlines`() throws {
        for number in 1...Self.operationCount {
            try Simulation(seed: 1).run { simulation in
                let harness = SlotHarness(simulation)
                harness.world.state.withLock { $0.faults[number] = .hang }
                try await Self.live(harness)
                #expect(simulation.clock.now < .seconds(30 + 30 + 10), "\(number)")
                // Whatever hung goes on in the end, and what it brings is given back.
                harness.world.unblock()
                try await simulation.clock.sleep(for: .seconds(20))
                let operation = harness.world.state.withLock { $0.operations[number - 1] }
                #expect(harness.world.leftovers.isEmpty, "\(number): \(operation)")
            }
        }
    }

    @Test func `whichever operation is the last of a crashed process, the next one cleans up`() throws {
        for number in 1...Self.operationCount {
            try Simulation(seed: 1).run { simulation in
                let crashed = SlotHarness(simulation)
                crashed.world.state.withLock { $0.faults[number] = .hang }
                try await crashed.mount()
                try await crashed.until {
                    let report = await crashed.slot.report
                    let hasCrashed = crashed.world.state.withLock { $0.operations.count >= number }
                    return hasCrashed || report.state == .active && !report.controller.isEmpty
                }
                if await crashed.slot.report.isActive { try await crashed.slot.unmount() }
                try await crashed.until { crashed.world.state.withLock { $0.operations.count >= number } }
                // Sockets, stores and servers die with a process; configfs and nbd do not.
                let next = SlotHarness(simulation, world: crashed.world)
                await next.slot.start()
                let left = next.world.leftovers.filter { $0.hasPrefix("gadget") || $0.hasPrefix("device") }
                #expect(left.isEmpty, "\(number)")
            }
        }
    }

    @Test(arguments: [EIO, EBUSY, ENOMEM, EACCES])
    func `a start that fails to clean up after a crash at any operation cleans up soon after`(errno: CInt)
        throws
    {
        /// - Returns: how many operations the next process needed to begin with.
        func start(failing number: Int?) throws -> Int {
            try Simulation(seed: 1).run { simulation in
                let crashed = SlotHarness(simulation)
                try await crashed.mounted()
                let next = SlotHarness(simulation, world: crashed.world)
                let before = crashed.world.state.withLock { state in
                    if let number { state.faults[state.operations.count + number] = .fail(errno) }
                    return state.operations.count
                }
                await next.slot.start()
                let needed = crashed.world.state.withLock { $0.operations.count } - before
                try await simulation.clock.sleep(for: .seconds(1))
                let left = next.world.leftovers.filter { $0.hasPrefix("gadget") || $0.hasPrefix("device") }
                #expect(left.isEmpty, "errno \(errno) at \(number ?? 0)")
                return needed
            }
        }
        let count = try start(failing: nil)
        #expect(count > 10)
        for number in 1...count { _ = try start(failing: number) }
    }

    @Test func `an unmount cancels a mount that hangs at any operation`() throws {
        for number in 1...Self.operationCount {
            try Simulation(seed: 1).run { simulation in
                let harness = SlotHarness(simulation)
                harness.world.state.withLock { $0.faults[number] = .hangUntilCut }
                try await harness.mount()
                try await simulation.clock.sleep(for: .seconds(1))
                guard await harness.slot.report.state == .activating else { return }
                try await harness.slot.unmount()
                try await harness.untilCompletions(2)
                #expect(harness.completions == [.cancelled, .done], "\(number)")
                #expect(simulation.clock.now < .seconds(5), "\(number)")
                #expect(harness.world.leftovers.isEmpty, "\(number)")
            }
        }
    }

    @Test(arguments: [2, 4, 6, 8, 10, 12] as [Int64])
    func `a cancelled mount stops after the operation under way`(seconds: Int64) throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            harness.world.state.withLock { $0.latency = .milliseconds(500) }
            try await harness.mount()
            try await simulation.clock.sleep(for: .seconds(seconds))
            let count = harness.world.state.withLock { $0.operations.count }
            try await harness.slot.unmount()
            try await harness.untilCompletions(2)
            #expect(harness.completions == [.cancelled, .done])
            let later = harness.world.state.withLock { $0.operations.dropFirst(count) }
            let making = later.filter { operation in
                ["mkdir", "ln", "attach", "serve", "open", "pread"].contains { operation.hasPrefix($0) }
            }
            #expect(making.isEmpty, "\(making)")
            #expect(harness.world.leftovers.isEmpty)
        }
    }
}
