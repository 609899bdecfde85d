import Glibc
import SimulatedTime
import Testing

@testable import VirtualMedia

struct SlotTests {
    @Test(arguments: SlotMode.allCases)
    func `a mount and an unmount run through every station and leave nothing`(mode: SlotMode) throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation, mode)
            try await harness.mounted()
            let report = await harness.slot.report
            #expect(report.controller == "udc.0")
            #expect(report.host == .present)
            #expect(report.status == "inserted")
            #expect(report.byteCount == 1 << 20)
            let written = harness.world.state.withLock { $0.tree.nodes }
            let lun = "mass-storage-Slot_0/functions/mass_storage.usb0/lun.0"
            #expect(written["\(lun)/file"] == .attribute("/dev/nbd0"))
            #expect(written["mass-storage-Slot_0/strings/0x409/serialnumber"] != .attribute(""))
            try await harness.slot.unmount()
            try await harness.untilCompletions(2)
            #expect(harness.completions == [.done, .done])
            #expect(harness.states == [.activating, .active, .deactivating, .ready])
            #expect(harness.world.leftovers.isEmpty)
        }
    }

    @Test(arguments: [true, false], MediumKind.allCases)
    func `a proxy medium is as writable as its export and never as a CD-ROM`(
        isReadOnly: Bool, kind: MediumKind
    ) throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation, .proxy)
            harness.world.state.withLock { $0.isImageReadOnly = isReadOnly }
            try await harness.mounted(MountRequest(isReadWrite: true, kind: kind))
            let isProtected = isReadOnly || kind == .cdrom
            #expect(await harness.slot.report.isWriteProtected == isProtected)
            let nodes = harness.world.state.withLock { $0.tree.nodes }
            let lun = "mass-storage-Slot_0/functions/mass_storage.usb0/lun.0"
            #expect(nodes["\(lun)/ro"] == .attribute(isProtected ? "1" : "0"))
            #expect(nodes["\(lun)/cdrom"] == .attribute(kind == .cdrom ? "1" : "0"))
            let flags = harness.world.state.withLock { $0.devices["nbd0"]?.attachment.transmissionFlags }
            #expect(flags.map { $0 & 2 != 0 } == isProtected)
        }
    }

    @Test(arguments: ImageError.Cause.allCases)
    func `each reason why an image does not open has its code`(cause: ImageError.Cause) throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            harness.world.state.withLock { $0.imageError = ImageError(cause, "because") }
            try await harness.mount()
            try await harness.untilCompletions(1)
            #expect(harness.completions == [CompletionCode(cause)])
            #expect(harness.completions != [.done])
            #expect(await harness.slot.report.lastFailure?.message == "because")
            #expect(harness.world.leftovers.isEmpty)
        }
    }

    @Test(arguments: [
        (ENOENT, CompletionCode.notFound), (ECONNREFUSED, .connectionRefused), (ENOTSOCK, .notASocket),
        (ENAMETOOLONG, .pathTooLong), (EACCES, .forbidden),
    ])
    func `each fault of a socket has its code and names the path`(errno: CInt, code: CompletionCode) throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation, .proxy)
            harness.world.state.withLock { $0.socketErrno = errno }
            try await harness.mount()
            try await harness.untilCompletions(1)
            #expect(harness.completions == [code])
            #expect(await harness.slot.report.lastFailure?.message.contains("/run/Slot_0.sock") == true)
        }
    }

    @Test(arguments: [
        (FakeWorld.FakeServer.nonsense, CompletionCode.notAnExport), (.hangsUp, .notAnExport),
        (.silent, .timedOut),
    ])
    func `a peer that does not speak NBD is told apart from one that is silent`(
        server: FakeWorld.FakeServer, code: CompletionCode
    ) throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation, .proxy)
            harness.world.state.withLock { $0.server = server }
            try await harness.mount()
            try await harness.untilCompletions(1)
            #expect(harness.completions == [code])
            #expect(simulation.clock.now <= .seconds(33))
            #expect(harness.world.leftovers.isEmpty)
        }
    }

    @Test(
        arguments: [
            (0, MediumKind.disk, CompletionCode.empty), (511, .disk, .empty), (512, .disk, .done),
            (614_399, .cdrom, .empty), (614_400, .cdrom, .done), (2_359_293_952, .cdrom, .done),
            (2_359_293_953, .cdrom, .tooLarge), (2_359_293_953, .disk, .done),
            (5 << 40, .disk, .done),
        ] as [(UInt64, MediumKind, CompletionCode)])
    func `sizes that the gadget cannot show are refused`(
        byteCount: UInt64, kind: MediumKind, code: CompletionCode
    ) throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            harness.world.state.withLock { $0.imageBytes = byteCount }
            try await harness.mount(MountRequest(imageURL: "u", isReadWrite: false, kind: kind))
            try await harness.untilCompletions(1)
            #expect(harness.completions == [code])
        }
    }

    @Test func `a host that is not there is reported`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            harness.world.state.withLock { $0.controllerState = "not attached" }
            try await harness.mounted()
            #expect(await harness.slot.report.status == "inserted, host absent")
            harness.world.state.withLock { $0.controllerState = "configured" }
            try await harness.until { await harness.slot.report.host == .present }
        }
    }

    @Test func `two slots share the controllers and a third finds none`() throws {
        try Simulation(seed: 1).run { simulation in
            let world = FakeWorld(simulation)
            let pool = ControllerPool()
            let harnesses = (0..<3).map { index in
                SlotHarness(
                    simulation, world: world, name: "Slot_\(index)", device: "nbd\(index)", sharing: pool)
            }
            for harness in harnesses { try await harness.mount() }
            for harness in harnesses { try await harness.untilCompletions(1) }
            #expect(
                harnesses.map { $0.completions.sorted { $0.rawValue < $1.rawValue } }.flatMap(\.self)
                    .filter { $0 == .noController }.count == 1)
            #expect(harnesses.flatMap(\.completions).filter { $0 == .done }.count == 2)
            for harness in harnesses where await harness.slot.report.isActive {
                try await harness.slot.unmount()
            }
            for harness in harnesses { try await harness.untilState(.ready) }
            #expect(world.leftovers.isEmpty)
        }
    }

    @Test func `a controller that another program takes first is passed over`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            let world = harness.world
            // Free when listed, busy when written.
            world.state.withLock { state in
                state.tree.nodes["kvm/UDC"] = .attribute("")
            }
            try await harness.mount()
            try await harness.until { world.state.withLock { $0.operations.contains("controllers") } }
            #expect(await harness.slot.report.isActive || harness.completions.isEmpty)
            try await harness.untilCompletions(1)
            #expect(harness.completions == [.done])
        }
    }

    @Test func `a device that another program uses is left alone`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            let attachment = NBDAttachment(
                device: "nbd0", byteCount: 512, blockBytes: 512, transmissionFlags: 1, requestTimeout: nil,
                deadConnectionTimeout: .zero, readAheadBytes: 0, backendIdentifier: "somebody")
            harness.world.state.withLock {
                $0.devices["nbd0"] = FakeWorld.FakeDevice(attachment: attachment, channels: [])
            }
            try await harness.mount()
            try await harness.untilCompletions(1)
            #expect(harness.completions == [.busy])
            #expect(await harness.slot.report.lastFailure?.message == "nbd0 is in use by somebody")
            #expect(harness.world.leftovers == ["device nbd0"])
        }
    }

    @Test func `a request is accepted before anything is told of it`() throws {
        try Simulation(seed: 1).run { simulation in
            let harness = SlotHarness(simulation)
            try await harness.slot.mount(SlotHarness.request) { #expect(harness.states.isEmpty) }
            try await harness.untilState(.active)
            try await harness.slot.unmount { #expect(harness.states.last == .active) }
            try await harness.untilCompletions(2)
        }
    }
}
