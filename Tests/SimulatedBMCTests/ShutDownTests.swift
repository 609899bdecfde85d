import SimulatedTime
import Testing

@testable import SimulatedBMC

/// What a kernel does with those who wait when it goes.
struct ShutDownTests {
    @Test func `a kernel that goes keeps nobody waiting for a device`() throws {
        try Simulation(seed: 1).run { simulation in
            let kernel = SimulatedKernel(
                executor: simulation.executor, clock: simulation.clock, spawner: simulation.spawner,
                controllers: ControllerChip.dummies(1))
            let waiter = simulation.spawner.spawn("host") {
                _ = try? await kernel.device(on: KernelRun.udc, timeout: .seconds(3600))
            }
            try await simulation.clock.sleep(for: .seconds(1))
            await kernel.shutDown()
            await waiter.finished()
            let late = simulation.spawner.spawn("late host") {
                _ = try? await kernel.device(on: KernelRun.udc, timeout: .seconds(3600))
            }
            await late.finished()
            #expect(simulation.clock.now == .seconds(1))
        }
    }
}
