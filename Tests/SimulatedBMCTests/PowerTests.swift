import FaultPoints
import Glibc
import NBDProtocol
import TestSupport
import Testing
import USBMassStorage
import VirtualMedia

@testable import SimulatedBMC

struct PowerTests {
    static let image = TemporaryFolder.pattern(1 << 20)
    static let writable = BlockDeviceFaultTests.writable

    /// A host on a gadget on a device on a server, with unwritten data in the cache.
    static func dirty(_ run: KernelRun) async throws -> (ScriptedServer, TestHost) {
        let (server, host) = try await HostViewTests.connected(
            run, ScriptedServer.Script(image: Self.image), flags: Self.writable)
        #expect(try await host.write(8, [UInt8](repeating: 1, count: 4096)).status == .passed)
        return (server, host)
    }

    @Test func `a power cut takes gadgets, devices and unwritten data, and a boot begins anew`() throws {
        try KernelRun.run { run in
            let (server, host) = try await Self.dirty(run)
            let events = await run.kernel.uevents()
            await run.kernel.powerCut()
            await #expect(throws: USBTransferError.disconnected) { try await host.read(0, count: 1) }
            for await _ in events {}
            let off = await ConfigFSFaultTests.errno { () throws(SystemError) in
                try await run.kernel.makeDirectory("g1")
            }
            #expect(off == ENODEV)
            #expect(
                await ConfigFSFaultTests.errno { () throws(SystemError) in
                    _ = try await run.kernel.status(of: "nbd0")
                } == ENODEV)
            await run.kernel.boot()
            #expect(try await run.kernel.list("").isEmpty)
            #expect(try await !run.kernel.status(of: "nbd0").isAttached)
            #expect(try await run.kernel.controllers().allSatisfy { $0.function.isEmpty })
            #expect(server.image == Self.image)
            #expect(!server.requests.contains { $0.command == .write })
        }
    }

    @Test func `after a boot the host at the end of the cable finds the new gadget`() throws {
        try KernelRun.run { run in
            _ = try await Self.dirty(run)
            await run.kernel.addFile("/disk", Self.image)
            await run.kernel.powerCut()
            let waiting = run.simulation.spawner.spawn("host") {
                do {
                    let device = try await run.kernel.device(on: KernelRun.udc, timeout: .seconds(60))
                    let host = TestHost(device)
                    try await host.enumerate()
                    #expect(try await host.read(3, count: 1).data == Array(Self.image[1536..<2048]))
                } catch { Issue.record(error) }
            }
            try await run.simulation.clock.sleep(for: .seconds(20))
            await run.kernel.boot()
            try await run.buildGadget(files: ["/disk"])
            await waiting.finished()
            #expect(run.now == .seconds(20))
        }
    }

    @Test func `calls that wait when the power goes all end`() throws {
        let hold = FaultHold()
        let faults = FaultScript()
        try KernelRun.run(faults: faults) { run in
            let (server, _) = try await Self.dirty(run)
            faults.add(.init(.configfs, "mkdir", .hold(hold)))
            server.script.withLock { $0.silentFrom = 0 }
            let ended = [
                run.simulation.spawner.spawn("mkdir") { try? await run.kernel.makeDirectory("g2") },
                run.simulation.spawner.spawn("read") {
                    _ = try? await run.kernel.read(512, at: 65_536, from: "nbd0")
                },
                run.simulation.spawner.spawn("flush") { try? await run.kernel.flush("nbd0") },
                run.simulation.spawner.spawn("clear") {
                    try? await run.kernel.write("", to: "\(KernelRun.lun)/file")
                },
                run.simulation.spawner.spawn("detach") {
                    try? await run.simulation.clock.sleep(for: .milliseconds(500))
                    try? await run.kernel.detach("nbd0")
                },
            ]
            try await run.simulation.clock.sleep(for: .seconds(1))
            await run.kernel.powerCut()
            for task in ended { await task.finished() }
            #expect(run.now < .seconds(3))
            await run.kernel.boot()
            #expect(try await run.kernel.list("").isEmpty)
            hold.release()
        }
    }

    @Test func `killed connections are dead for the driver, and it tells`() throws {
        try KernelRun.run { run in
            let (_, _) = try await Self.dirty(run)
            let events = await run.kernel.events()
            await run.kernel.killNBDConnections(of: "nbd1")
            #expect(try await run.kernel.status(of: "nbd0").liveConnections == 1)
            await run.kernel.killNBDConnections()
            for await event in events {
                #expect(event == .linkDead(device: "nbd0"))
                break
            }
            #expect(try await run.kernel.status(of: "nbd0").liveConnections == 0)
        }
    }

    @Test func `a removed controller takes its device from the host, and comes back`() throws {
        try KernelRun.run { run in
            let (_, host) = try await Self.dirty(run)
            let events = await run.kernel.uevents()
            await run.kernel.removeController(KernelRun.udc)
            await run.kernel.removeController(KernelRun.udc)
            await #expect(throws: USBTransferError.disconnected) { try await host.read(0, count: 1) }
            await run.kernel.addController(KernelRun.udc)
            var actions: [String] = []
            for await event in events {
                actions.append("\(event.action) \(event.subsystem)")
                if actions.count == 6 { break }
            }
            #expect(
                actions == [
                    "change udc", "unbind gadget", "remove udc", "remove gadget", "add udc", "add gadget",
                ])
        }
    }

    @Test func `timers of the kernel fire late and together`() throws {
        for (action, time) in [
            (FaultAction.delay(.seconds(3)), Duration.seconds(23)),
            (.special("coalesce", 7000), .seconds(21)),
        ] {
            try KernelRun.run(faults: FaultScript(.init(.clock, "timer", on: "nbd timeout", action))) { run in
                var script = ScriptedServer.Script(image: Self.image)
                script.silentFrom = 0
                let (_, channel) = run.server(script)
                try await run.kernel.attach(
                    run.attachment(byteCount: Self.image.count), connections: [channel])
                let errno = await ConfigFSFaultTests.errno { () throws(SystemError) in
                    _ = try await run.kernel.read(512, at: 0, from: "nbd0")
                }
                #expect(errno == EIO)
                #expect(run.now == time)
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a run with faults is the same for the same seed`(seed: UInt64) throws {
        func hash() throws -> UInt64 {
            let faults = FaultScript(
                .init(.nbdDevice, "read", at: 2...9, .delay(.milliseconds(30))),
                .init(.uevent, at: 2...4, .duplicate),
                .init(.nbdDevice, "read", at: 12...13, .fail(errno: EIO)))
            return try KernelRun.run(seed: seed, faults: faults) { run in
                let (_, host) = try await HostViewTests.connected(
                    run, ScriptedServer.Script(image: Self.image))
                for block in stride(from: UInt32(0), to: 2048, by: 64) {
                    _ = try await host.read(block, count: 64)
                }
                await run.kernel.powerCut()
                return run.simulation.executor.traceHash
            }
        }
        #expect(try hash() == hash())
    }
}
