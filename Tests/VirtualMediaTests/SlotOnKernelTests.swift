import FaultPoints
import HostObserver
import SimulatedBMC
import SimulatedTime
import TestSupport
import Testing

@testable import VirtualMedia

/// Slots on the simulated kernel, whose rules are those of configfs, nbd and f_mass_storage.
struct SlotOnKernelTests {
    static let profiles: [KernelProfile] = [.linux6_12, .linux6_1, .linux5_15]

    struct Run: Sendable {
        let simulation: Simulation
        let kernel: SimulatedKernel
        let world: FakeWorld
        let harness: SlotHarness

        var gadgets: [String] { get async throws { try await kernel.list("") } }

        func expectNothingLeft() async throws {
            #expect(try await gadgets.isEmpty)
            #expect(try await !kernel.status(of: "nbd0").isAttached)
            #expect(world.leftovers.isEmpty)
        }
    }

    static func run(
        _ profile: KernelProfile = .linux6_1, _ mode: SlotMode = .legacy,
        faults: any FaultInjector = NoFaults(),
        configure: @escaping @Sendable (inout SlotConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (Run) async throws -> Void
    ) throws {
        try Simulation(seed: 1).run { simulation in
            let kernel = SimulatedKernel(
                executor: simulation.executor, clock: simulation.clock, spawner: simulation.spawner,
                profile: profile, faults: faults)
            let world = FakeWorld(simulation)
            let harness = SlotHarness(
                simulation, mode, world: world, kernel: kernel, configure: configure)
            try await body(
                Run(simulation: simulation, kernel: kernel, world: world, harness: harness))
            await harness.slot.shutDown()
            await kernel.shutDown()
        }
    }

    @Test(arguments: profiles.indices, SlotMode.allCases)
    func `a medium goes in and out on every kernel`(profile: Int, mode: SlotMode) throws {
        try Self.run(Self.profiles[profile], mode) { run in
            try await run.harness.mounted(
                MountRequest(imageURL: "u", isReadWrite: mode == .proxy, kind: .disk))
            #expect(await run.harness.slot.report.controller == "1e6a0000.usb-vhub:p1")
            #expect(await run.harness.slot.report.status == "inserted, host absent")
            try await run.harness.slot.unmount()
            try await run.harness.untilCompletions(2)
            #expect(run.harness.completions == [.done, .done])
            try await run.expectNothingLeft()
        }
    }

    @Test func `a CD-ROM and its inquiry string are accepted by the kernel`() throws {
        try Self.run(configure: { $0.usb.inquiry = "OpenBMC Virtual Media   1.00" }) { run in
            try await run.harness.mounted(MountRequest(imageURL: "u", isReadWrite: false, kind: .cdrom))
            let lun = "mass-storage-Slot_0/functions/mass_storage.usb0/lun.0"
            #expect(try await run.kernel.read("\(lun)/cdrom") == "1")
            #expect(try await run.kernel.read("\(lun)/ro") == "1")
            try await run.harness.slot.unmount()
            try await run.harness.untilCompletions(2)
            try await run.expectNothingLeft()
        }
    }

    @Test func `a clean-up that was given up touches nothing when it wakes up`() throws {
        // The look at the device, before it is detached, takes longer than the step may.
        let faults = FaultScript(.init(.nbdDevice, "status", .delay(.seconds(8))))
        try Self.run(faults: faults) { run in
            await run.harness.slot.start()
            try await run.harness.mounted()
            #expect(run.simulation.clock.now < .seconds(8))
            try await run.simulation.clock.sleep(for: .seconds(20))
            #expect(await run.harness.slot.report.state == .active)
            #expect(try await run.kernel.status(of: "nbd0").isAttached)
            #expect(run.harness.completions == [.done])
        }
        #expect(faults.firedCount == 1)
    }

    @Test func `a controller that a keyboard uses is passed over`() throws {
        try Self.run { run in
            try await run.kernel.occupyController("1e6a0000.usb-vhub:p1", by: "kvm")
            try await run.harness.mounted()
            #expect(await run.harness.slot.report.controller == "1e6a0000.usb-vhub:p2")
        }
    }

    @Test func `without a free controller the mount fails and nothing is left`() throws {
        try Self.run { run in
            for port in 1...7 {
                try await run.kernel.occupyController("1e6a0000.usb-vhub:p\(port)", by: "kvm")
            }
            try await run.harness.mount()
            try await run.harness.untilCompletions(1)
            #expect(run.harness.completions == [.noController])
            try await run.expectNothingLeft()
        }
    }

    @Test(arguments: SlotMode.allCases)
    func `a server that dies idle is noticed and replaced`(mode: SlotMode) throws {
        try Self.run(.linux6_1, mode) { run in
            try await run.harness.mounted()
            run.world.closeAllChannels()
            try await run.harness.until { run.harness.states.contains(.recovering) }
            try await run.harness.untilState(.active)
            #expect(try await run.kernel.status(of: "nbd0").liveConnections == 1)
            try await run.harness.slot.unmount()
            try await run.harness.untilCompletions(2)
            try await run.expectNothingLeft()
        }
    }

    @Test func `a server that stalls does not keep an unmount from its end`() throws {
        try Self.run { run in
            try await run.harness.mounted()
            run.world.state.withLock { $0.isServerStalled = true }
            let reader = run.simulation.spawner.spawn("reader") {
                _ = try? await run.kernel.read(4096, at: 512 << 10, from: "nbd0")
            }
            try await run.simulation.clock.sleep(for: .seconds(1))
            let start = run.simulation.clock.now
            try await run.harness.slot.unmount()
            try await run.harness.untilCompletions(2)
            #expect(run.simulation.clock.now - start < .seconds(30))
            await reader.finished()
            try await run.expectNothingLeft()
        }
    }

    @Test func `a mount whose server stalls after the handshake ends in time`() throws {
        try Self.run { run in
            run.world.state.withLock { $0.isServerStalled = true }
            try await run.harness.mount()
            try await run.harness.untilCompletions(1)
            #expect(run.harness.completions != [.done])
            #expect(run.simulation.clock.now < .seconds(65))
            try await run.expectNothingLeft()
        }
    }

    /// A slot whose host has written 8 KiB that are still in the cache.
    private static func written(_ run: Run) async throws -> HostObserver {
        try await run.harness.mounted(MountRequest(imageURL: "u", isReadWrite: true, kind: .disk))
        let controller = "1e6a0000.usb-vhub:p1"
        await run.kernel.attachHost(to: controller)
        let clock = run.simulation.clock
        let host = HostObserver(
            connection: try await run.kernel.device(on: controller, timeout: .seconds(1)), now: { clock.now },
            pause: { try? await clock.sleep(for: $0) })
        try await host.enumerate()
        try await host.examineUnit()
        let blocks = BlockRange(first: 16, count: 16)
        guard case .passed = await host.writeBlocks(blocks, [UInt8](repeating: 1, count: 8192)[...]) else {
            Issue.record("the write failed")
            return host
        }
        #expect(run.world.state.withLock { $0.writtenRanges }.isEmpty)
        return host
    }

    @Test(arguments: SlotMode.allCases, ["host ejects", "unmount"])
    func `what the host wrote reaches a slow source before the device goes`(mode: SlotMode, end: String)
        throws
    {
        let faults = FaultScript(.init(.nbdDevice, "write", .delay(.seconds(6))))
        try Self.run(.linux6_12, mode, faults: faults) { run in
            let host = try await Self.written(run)
            if end == "unmount" { try await run.harness.slot.unmount() } else { try await host.eject() }
            try await run.harness.untilState(.ready)
            #expect(run.world.state.withLock { $0.writtenRanges } == [8192..<16_384])
            #expect(run.harness.completions == (end == "unmount" ? [.done, .done] : [.done]))
            try await run.expectNothingLeft()
        }
    }

    @Test func `what the host wrote and the source did not take is told`() throws {
        let faults = FaultScript(.init(.nbdDevice, "write", .fail(errno: 5)))
        try Self.run(.linux6_12, .proxy, faults: faults) { run in
            _ = try await Self.written(run)
            try await run.harness.slot.unmount()
            try await run.harness.untilCompletions(2)
            #expect(run.harness.completions == [.done, .inputOutput])
            let message = await run.harness.slot.report.lastFailure?.message ?? ""
            #expect(message.contains("what the host wrote last"), "\(message)")
            try await run.expectNothingLeft()
        }
    }

    @Test func `a host that ejects what could not be stored leaves an error with its code`() throws {
        let faults = FaultScript(.init(.nbdDevice, "write", .fail(errno: 5)))
        try Self.run(.linux6_12, .proxy, faults: faults) { run in
            let host = try await Self.written(run)
            try await host.eject()
            try await run.harness.untilState(.ready)
            let failure = await run.harness.slot.report.lastFailure
            #expect(failure?.code == .inputOutput)
            #expect(failure?.message.contains("the host has ejected the medium") == true)
        }
    }

    @Test func `a device whose size comes late is waited for`() throws {
        let faults = FaultScript(.init(.nbdDevice, "attach", .special("size-late", 3000)))
        try Self.run(faults: faults) { run in
            try await run.harness.mounted()
            #expect(run.harness.completions == [.done])
            #expect(run.simulation.clock.now >= .seconds(3))
        }
    }

    @Test(arguments: [65_536, 2 << 20] as [Int64])
    func `a device of another size than its source is never inserted`(byteCount: Int64) throws {
        let faults = FaultScript(.init(.nbdDevice, "attach", .lie(field: "size", value: byteCount)))
        try Self.run(faults: faults) { run in
            try await run.harness.mount()
            try await run.harness.untilCompletions(1)
            #expect(run.harness.completions == [.wrongLength])
            try await run.harness.untilState(.ready)
            try await run.expectNothingLeft()
        }
    }

    @Test func `blocks that the kernel kept of the image before are dropped`() throws {
        let faults = FaultScript()
        try Self.run(faults: faults) { run in
            for round in 1...2 {
                if round == 2 { faults.add(.init(.nbdDevice, "attach", .special("keep-cache", 0))) }
                try await run.harness.mounted()
                let reads = faults.occasions.filter { $0.layer == .nbdDevice && $0.operation == "read" }
                // The proof reads the first and the last block, from the source each time.
                #expect(reads.count == 2 * round)
                try await run.harness.slot.unmount()
                try await run.harness.untilCompletions(2 * round)
            }
        }
    }
}
