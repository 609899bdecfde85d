import SimulatedTime
import Testing

@testable import VirtualMedia

/// A device with several connections to its source.
struct SlotConnectionsTests {
    typealias Run = SlotOnKernelTests.Run

    static func run(
        _ mode: SlotMode = .proxy, connections: Int = 3,
        _ body: @escaping @Sendable (Run) async throws -> Void
    ) throws {
        try SlotOnKernelTests.run(.linux6_1, mode, configure: { $0.connectionCount = connections }, body)
    }

    private static func live(_ run: Run) async throws -> Int {
        try await run.kernel.status(of: "nbd0").liveConnections
    }

    private static func open(_ run: Run) -> [FakeChannel] {
        run.world.state.withLock { $0.channels }.filter { !$0.isClosed }
    }

    @Test(arguments: SlotMode.allCases, [1, 2, 16])
    func `the device has as many as are wanted`(mode: SlotMode, count: Int) throws {
        try Self.run(mode, connections: count) { run in
            try await run.harness.mounted()
            #expect(try await Self.live(run) == count)
            try await run.harness.slot.unmount()
            try await run.harness.untilCompletions(2)
            try await run.expectNothingLeft()
        }
    }

    @Test(arguments: SlotMode.allCases)
    func `a source that allows one has one`(mode: SlotMode) throws {
        try Self.run(mode) { run in
            run.world.state.withLock { $0.allowsSeveralConnections = false }
            try await run.harness.mounted()
            #expect(try await Self.live(run) == 1)
            #expect(Self.open(run).count == 1)
        }
    }

    @Test(arguments: SlotMode.allCases, [1, 2])
    func `some that die are replaced, and the slot stays active`(mode: SlotMode, dying: Int) throws {
        try Self.run(mode) { run in
            try await run.harness.mounted()
            for channel in Self.open(run).prefix(dying) { channel.close() }
            try await run.harness.until { (try? await Self.live(run)) == 3 - dying }
            try await run.harness.until { (try? await Self.live(run)) == 3 }
            #expect(Self.open(run).count == 3)
            #expect(run.harness.states == [.activating, .active])
            try await run.harness.slot.unmount()
            try await run.harness.untilCompletions(2)
            try await run.expectNothingLeft()
        }
    }

    @Test(arguments: SlotMode.allCases)
    func `all that die are replaced at once`(mode: SlotMode) throws {
        try Self.run(mode) { run in
            try await run.harness.mounted()
            for turn in 1...3 {
                for channel in Self.open(run) { channel.close() }
                try await run.harness.until { run.harness.states.count == 2 + 2 * turn }
                #expect(try await Self.live(run) == 3)
                #expect(Self.open(run).count == 3)
            }
            try await run.harness.slot.unmount()
            try await run.harness.untilCompletions(2)
            try await run.expectNothingLeft()
        }
    }

    @Test func `a source that allows fewer than before gets fewer, and no more is sought`() throws {
        try Self.run { run in
            try await run.harness.mounted()
            run.world.state.withLock { $0.allowsSeveralConnections = false }
            for channel in Self.open(run) { channel.close() }
            try await run.harness.until {
                run.harness.states == [.activating, .active, .recovering, .active]
            }
            try await run.simulation.clock.sleep(for: .seconds(30))
            #expect(try await Self.live(run) == 1)
            #expect(run.world.state.withLock { $0.channels.count } == 4)
        }
    }

    @Test func `while the others are not to be had the host goes on, and the pauses grow`() {
        var driver = SlotMachineDriver.inState(.active)
        var seen = SlotMachineDriver.healthy
        seen.liveConnections = 2
        seen.lostConnections = 1
        #expect(driver.finish(.observed(seen)).map(\.summary) == ["publish", "run reconnect"])
        var pauses: [Duration] = []
        for _ in 1...6 {
            let failedAt = driver.now
            driver.finish(.failed(SlotFailure(.connectionRefused, "nobody there")))
            #expect(driver.machine.state == .active)
            repeat {
                driver.wait()
                driver.finish(.observed(seen))
            } while driver.lastTicket?.step != .reconnect
            pauses.append(driver.now - failedAt)
        }
        // Looks are a second apart; the pause itself ends at four.
        #expect(pauses == [.seconds(1), .seconds(1), .seconds(1), .seconds(2), .seconds(4), .seconds(4)])
        #expect(driver.finish().map(\.summary) == ["run observe"])
        #expect(driver.finish(.observed(SlotMachineDriver.healthy)).map(\.summary) == ["publish"])
    }

    @Test func `with one of several left another image under the name is not handed over`() {
        var driver = SlotMachineDriver.inState(.active)
        var seen = SlotMachineDriver.healthy
        seen.lostConnections = 1
        driver.finish(.observed(seen))
        driver.finish(.failed(SlotFailure(.changed, "another")))
        #expect(driver.machine.state == .active)
    }
}
