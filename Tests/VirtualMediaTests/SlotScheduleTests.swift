import Glibc
import SimulatedTime
import Testing

@testable import VirtualMedia

/// Requests, faults and losses at random times, in schedules that a seed draws.
struct SlotScheduleTests {
    /// 265: both turns of a teardown step met an error, and nothing tried a third time.
    @Test(arguments: Array(1...100) + [265] as [UInt64])
    func `whatever comes together, requests are answered once and nothing is left`(seed: UInt64) throws {
        let simulation = Simulation(seed: seed, schedule: .random)
        try simulation.run { simulation in
            let world = FakeWorld(simulation)
            let pool = ControllerPool()
            let harnesses = (0..<3).map { index in
                SlotHarness(
                    simulation, index == 0 ? .proxy : .legacy, world: world, name: "Slot_\(index)",
                    device: "nbd\(index)", sharing: pool
                ) { $0.inactivitySeconds = 20 }
            }
            var random = simulation.random.stream("actions")
            var accepted = [0, 0, 0]
            for _ in 0..<60 {
                let index = Int.random(in: 0..<3, using: &random)
                if await Self.act(on: harnesses[index], world, &random) { accepted[index] += 1 }
                try await simulation.clock.sleep(
                    for: .milliseconds(Int.random(in: 0...1500, using: &random)))
            }
            #expect(accepted.reduce(0, +) > 3)
            world.state.withLock { $0.faults = [:] }
            for harness in harnesses { await harness.slot.shutDown() }
            world.unblock()
            // What was given up may end late, and is swept.
            try await simulation.clock.sleep(for: .seconds(1100))
            #expect(world.leftovers.isEmpty, "seed \(seed)")
            #expect(harnesses.map(\.completions.count) == accepted, "seed \(seed)")
        }
    }

    /// - Returns: whether a request was accepted.
    private static func act(on harness: SlotHarness, _ world: FakeWorld, _ random: inout RandomStream) async
        -> Bool
    {
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1, 2, 3: return (try? await harness.mount()) != nil
        case 4, 5: return (try? await harness.slot.unmount()) != nil
        case 6: world.killConnections()
        case 7: await harness.slot.hint()
        case 8:
            let number = Int.random(in: 1...20, using: &random)
            let faults: [FakeWorld.Fault] = [.fail(EIO), .fail(EBUSY), .hang, .hangUntilCut]
            let fault = faults[Int.random(in: 0..<faults.count, using: &random)]
            world.state.withLock { $0.faults[$0.operations.count + number] = fault }
        default:
            world.state.withLock { state in
                state.socketErrno = state.socketErrno == nil ? ECONNREFUSED : nil
            }
        }
        return false
    }
}
