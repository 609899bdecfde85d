import Glibc
import SimulatedTime
import Testing

@testable import VirtualMedia

/// What happens to a mounted medium.
struct SlotLifeTests {
    @Test func `a host that ejects is noticed`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            try await harness.mounted()
            harness.world.state.withLock {
                $0.tree.nodes["mass-storage-Slot_0/functions/mass_storage.usb0/lun.0/file"] = .attribute("")
            }
            let start = simulation.clock.now
            try await harness.untilState(.ready)
            #expect(simulation.clock.now - start < .seconds(3))
            #expect(harness.completions == [.done])
            #expect(await harness.slot.report.lastFailure?.message == "the host has ejected the medium")
            #expect(await harness.slot.report.exitCode == 0)
            #expect(harness.world.leftovers.isEmpty)
        }
    }

    @Test(arguments: [true, false])
    func `a host that locks the medium cannot keep it`(hasForcedEject: Bool) throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            try await harness.mounted()
            harness.world.state.withLock {
                $0.tree.isLocked = true
                $0.tree.hasForcedEject = hasForcedEject
            }
            try await harness.slot.unmount()
            try await harness.untilCompletions(2)
            #expect(harness.completions == [.done, .done])
            #expect(harness.world.leftovers.isEmpty)
        }
    }

    @Test func `the LUN lets go of the device before the device is detached`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            try await harness.mounted()
            try await harness.slot.unmount()
            try await harness.untilCompletions(2)
            let operations = harness.world.state.withLock { $0.operations }
            let cleared = operations.firstIndex { $0.hasSuffix("lun.0/file=") }
            let detached = operations.firstIndex { $0 == "detach nbd0" }
            #expect(cleared! < detached!)
        }
    }

    @Test(arguments: SlotMode.allCases)
    func `a source that dies and comes back is used again`(mode: SlotMode) throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation, mode)
            try await harness.mounted()
            harness.world.killConnections()
            await harness.slot.hint()
            try await harness.until {
                harness.world.state.withLock { $0.operations.contains("reconfigure nbd0") }
            }
            try await harness.untilState(.active)
            #expect(harness.states == [.activating, .active, .recovering, .active])
            #expect(harness.world.state.withLock { $0.openChannels } == 1)
            try await harness.slot.unmount()
            try await harness.untilCompletions(2)
            #expect(harness.world.leftovers.isEmpty)
        }
    }

    @Test func `a source that comes back with another size is not shown to the host`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation, .proxy)
            try await harness.mounted(MountRequest(isReadWrite: true, kind: .disk))
            harness.world.state.withLock { $0.imageBytes += 512 }
            harness.world.killConnections()
            try await harness.untilState(.ready)
            #expect(await harness.slot.report.lastFailure?.code == .changed)
            #expect(harness.world.leftovers.isEmpty)
        }
    }

    @Test func `a source that comes back read-only is not shown to the host`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation, .proxy)
            try await harness.mounted(MountRequest(isReadWrite: true, kind: .disk))
            harness.world.state.withLock { $0.isImageReadOnly = true }
            harness.world.killConnections()
            try await harness.untilState(.ready)
            #expect(await harness.slot.report.lastFailure?.code == .changed)
        }
    }

    @Test func `a source that stays away leads to waiting, errors and the end`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation, .proxy)
            try await harness.mounted()
            harness.world.state.withLock { $0.socketErrno = ECONNREFUSED }
            harness.world.killConnections()
            let start = simulation.clock.now
            try await harness.untilState(.recovering)
            #expect(await harness.slot.report.status == "inserted, source lost, the host waits")
            try await harness.until { await harness.slot.report.isFailingRequests }
            #expect(await harness.slot.report.status == "inserted, source lost, the host gets errors")
            try await harness.untilState(.ready)
            #expect((80...83).contains((simulation.clock.now - start).components.seconds))
            #expect(harness.world.leftovers.isEmpty)
        }
    }

    @Test func `half an hour without access ends the mount`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation) { $0.inactivitySeconds = 1800 }
            try await harness.mounted()
            try await harness.until(within: .seconds(4000)) { await harness.slot.report.state == .ready }
            #expect((1800...1803).contains(simulation.clock.now.components.seconds))
            #expect(harness.world.leftovers.isEmpty)
        }
    }

    @Test func `a host that reads what is cached keeps its medium`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation) { $0.inactivitySeconds = 1800 }
            try await harness.mounted()
            for _ in 0..<300 {
                harness.world.hostReads()
                try await simulation.clock.sleep(for: .seconds(10))
            }
            #expect(await harness.slot.report.state == .active)
            try await harness.until(within: .seconds(4000)) { await harness.slot.report.state == .ready }
        }
    }

    @Test func `a mount without limit stays for hours`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            try await harness.mounted()
            try await simulation.clock.sleep(for: .seconds(7200))
            #expect(await harness.slot.report.state == .active)
        }
    }

    @Test func `a server that dies is unmounted all the same`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation, .proxy)
            try await harness.mounted()
            harness.world.state.withLock { $0.server = .silent }
            harness.world.killConnections()
            try await harness.untilState(.recovering)
            try await harness.slot.unmount()
            try await harness.untilCompletions(2)
            #expect(harness.completions == [.done, .done])
            #expect(harness.world.leftovers.isEmpty)
        }
    }

    @Test func `a run is the same twice`() throws {
        func trace() throws -> UInt64 {
            let simulation = Simulation(seed: 5)
            try simulation.run { simulation in
                let harness = SlotHarness(simulation)
                try await harness.mounted()
                harness.world.killConnections()
                try await simulation.clock.sleep(for: .seconds(30))
                try await harness.slot.unmount()
                try await harness.untilCompletions(2)
                for operation in harness.world.state.withLock({ $0.operations }) {
                    simulation.executor.note(operation)
                }
            }
            return simulation.executor.traceHash
        }
        #expect(try trace() == trace())
    }
}
