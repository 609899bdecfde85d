import FaultPoints
import Glibc
import NBDProtocol
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedBMC

struct BlockDeviceFaultTests {
    static let image = TemporaryFolder.pattern(1 << 20)
    static let writable: TransmissionFlags = [.hasFlags, .sendFlush, .sendForceUnitAccess, .sendTrim]

    /// A device on a server, with the rules in force from the start.
    static func run(
        _ rules: FaultScript.Rule..., flags: TransmissionFlags = writable,
        _ body: @escaping @Sendable (KernelRun, ScriptedServer) async throws -> Void
    ) throws {
        let faults = FaultScript()
        for rule in rules { faults.add(rule) }
        try KernelRun.run(faults: faults) { run async throws in
            let (server, channel) = run.server(ScriptedServer.Script(image: Self.image))
            try await run.kernel.attach(
                run.attachment(byteCount: Self.image.count, flags: flags, timeout: nil),
                connections: [channel])
            try await body(run, server)
        }
        #expect(faults.firedCount >= rules.count)
    }

    static func errno(_ body: () async throws(SystemError) -> Void) async -> CInt {
        await ConfigFSFaultTests.errno(body)
    }

    static func read(_ run: KernelRun, at offset: UInt64 = 0) async throws(SystemError) -> [UInt8] {
        try await run.kernel.read(4096, at: offset, from: "nbd0")
    }

    // MARK: Calls to the driver

    @Test(arguments: [EBUSY, ENODEV, EPERM, EMFILE, ENOMEM])
    func `an attachment is refused with any errno`(errno: CInt) throws {
        try KernelRun.run(faults: FaultScript(.init(.nbdDevice, "attach", on: "nbd0", .fail(errno: errno)))) {
            run async throws in
            func attach() async -> CInt {
                let (_, channel) = run.server(ScriptedServer.Script(image: Self.image))
                return await Self.errno { () throws(SystemError) in
                    try await run.kernel.attach(
                        run.attachment(byteCount: Self.image.count), connections: [channel])
                }
            }
            #expect(await attach() == errno)
            #expect(try await !run.kernel.status(of: "nbd0").isAttached)
            #expect(await attach() == 0)
        }
    }

    @Test func `an attachment can succeed and be said to have failed`() throws {
        try KernelRun.run(faults: FaultScript(.init(.nbdDevice, "attach", .failAfterwards(errno: EIO)))) {
            run async throws in
            let (_, channel) = run.server(ScriptedServer.Script(image: Self.image))
            let errno = await Self.errno { () throws(SystemError) in
                try await run.kernel.attach(
                    run.attachment(byteCount: Self.image.count), connections: [channel])
            }
            #expect(errno == EIO)
            #expect(try await run.kernel.status(of: "nbd0").isAttached)
        }
    }

    @Test func `every call to the driver can be late and can fail`() throws {
        for operation in ["reconfigure", "detach", "status"] {
            try Self.run(
                .init(.nbdDevice, operation, .delay(.seconds(3)), .fail(errno: ENOMEM))
            ) { run, _ async throws in
                let start = run.now
                let errno = await Self.errno { () throws(SystemError) in
                    switch operation {
                    case "reconfigure": try await run.kernel.reconfigure("nbd0", connections: [])
                    case "detach": try await run.kernel.detach("nbd0")
                    default: _ = try await run.kernel.status(of: "nbd0")
                    }
                }
                #expect(errno == ENOMEM && run.now - start == .seconds(3), "\(operation)")
                #expect(try await run.kernel.status(of: "nbd0").isAttached)
            }
        }
    }

    @Test func `a detach that comes late leaves the next attachment alone`() throws {
        try Self.run(.init(.nbdDevice, "detach", .delay(.seconds(8)))) { run, _ async throws in
            let late = run.simulation.spawner.spawn("late") { try? await run.kernel.detach("nbd0") }
            try await run.simulation.clock.sleep(for: .seconds(1))
            try await run.kernel.detach("nbd0")
            let (_, channel) = run.server(ScriptedServer.Script(image: Self.image))
            try await run.kernel.attach(run.attachment(byteCount: Self.image.count), connections: [channel])
            await late.finished()
            #expect(run.now == .seconds(8))
            #expect(try await run.kernel.status(of: "nbd0").isAttached)
        }
    }

    @Test func `a detach hangs until it is let go`() throws {
        let hold = FaultHold()
        try Self.run(.init(.nbdDevice, "detach", .hold(hold))) { run, _ async throws in
            run.simulation.spawner.spawn("release") {
                try? await run.simulation.clock.sleep(for: .seconds(40))
                hold.release()
            }
            try await run.kernel.detach("nbd0")
            #expect(run.now == .seconds(40))
            #expect(try await !run.kernel.status(of: "nbd0").isAttached)
        }
    }

    // MARK: A device that is not what it should be

    @Test func `the size can come late, after the uevent`() throws {
        try Self.run(.init(.nbdDevice, "attach", .special("size-late", 700))) { run, _ async throws in
            #expect(try await run.kernel.status(of: "nbd0").byteCount == 0)
            #expect(
                await Self.errno { () throws(SystemError) in _ = try await Self.read(run) } == EINVAL)
            try await run.simulation.clock.sleep(for: .milliseconds(700))
            #expect(try await run.kernel.status(of: "nbd0").byteCount == UInt64(Self.image.count))
            #expect(try await Self.read(run) == Array(Self.image[..<4096]))
        }
    }

    @Test func `the size can be another from the start, or change with a uevent`() throws {
        try Self.run(.init(.nbdDevice, "attach", .lie(field: "size", value: 8192))) { run, _ async throws in
            #expect(try await run.kernel.status(of: "nbd0").byteCount == 8192)
        }
        try Self.run(.init(.nbdDevice, "read", at: 2...2, .lie(field: "size", value: 65_536))) { run, _ in
            let events = await run.kernel.uevents()
            _ = try await Self.read(run)
            #expect(try await run.kernel.status(of: "nbd0").byteCount == UInt64(Self.image.count))
            _ = try await Self.read(run, at: 8192)
            #expect(try await run.kernel.status(of: "nbd0").byteCount == 65_536)
            for await event in events {
                #expect(event.action == "change" && event.properties.first == "RESIZE=1")
                break
            }
        }
    }

    @Test func `a status can lie about the size while the device is right`() throws {
        try Self.run(.init(.nbdDevice, "status", .lie(field: "size", value: 5))) { run, _ async throws in
            #expect(try await run.kernel.status(of: "nbd0").byteCount == 5)
            #expect(try await run.kernel.status(of: "nbd0").byteCount == UInt64(Self.image.count))
        }
    }

    @Test func `a shortened timeout fails what the server has not answered by then`() throws {
        try Self.run(.init(.nbdDevice, "attach", .special("timeout", 250))) { run, server async throws in
            server.script.withLock { $0.silentFrom = 0 }
            let errno = await Self.errno { () throws(SystemError) in _ = try await Self.read(run) }
            #expect(errno == EIO && run.now < .seconds(1))
        }
    }

    @Test func `somebody who holds the device open keeps it from going`() throws {
        try Self.run(.init(.nbdDevice, "detach", .special("held-open", 5000))) { run, _ async throws in
            try await run.kernel.detach("nbd0")
            #expect(try await run.kernel.status(of: "nbd0").isAttached)
            let (_, channel) = run.server(ScriptedServer.Script(image: Self.image))
            let errno = await Self.errno { () throws(SystemError) in
                try await run.kernel.attach(
                    run.attachment(byteCount: Self.image.count), connections: [channel])
            }
            #expect(errno == EBUSY)
            try await run.simulation.clock.sleep(for: .seconds(6))
            #expect(try await !run.kernel.status(of: "nbd0").isAttached)
        }
    }

    @Test(arguments: [false, true])
    func `the cache of the attachment before is served again only by the bug`(isBug: Bool) throws {
        let faults = FaultScript()
        if isBug { faults.add(.init(.nbdDevice, "attach", at: 2...2, .special("keep-cache", 0))) }
        try KernelRun.run(faults: faults) { run async throws in
            let other = TemporaryFolder.pattern(1 << 20, seed: 9)
            for image in [Self.image, other] {
                let (_, channel) = run.server(ScriptedServer.Script(image: image))
                try await run.kernel.attach(run.attachment(byteCount: image.count), connections: [channel])
                // An opener keeps the pages in the cache until the device has gone.
                try await run.buildGadget(files: ["/dev/nbd0"])
                let seen = try await Self.read(run)
                let isStale = isBug && image == other
                #expect(seen == Array((isStale ? Self.image : image)[..<4096]))
                #expect(try await Self.read(run, at: 65_536) == Array(image[65_536..<69_632]) || isStale)
                try await run.kernel.detach("nbd0")
                try await run.kernel.removeLink("g1/configs/c.1/mass_storage.0")
                for path in [
                    "functions/mass_storage.0", "configs/c.1/strings/0x409", "configs/c.1", "strings/0x409",
                ] {
                    try await run.kernel.removeDirectory("g1/\(path)")
                }
                try await run.kernel.removeDirectory("g1")
            }
        }
        #expect(faults.firedCount == (isBug ? 1 : 0))
    }

    // MARK: Requests

    @Test func `a failed read is EIO whatever the number, and only where the fault is`() throws {
        try Self.run(.init(.nbdDevice, "read", at: 2...3, .fail(errno: ENOSPC))) { run, server async throws in
            #expect(try await Self.read(run) == Array(Self.image[..<4096]))
            let errno = await Self.errno { () throws(SystemError) in _ = try await Self.read(run, at: 8192) }
            #expect(errno == EIO)
            #expect(server.requests.count == 1)
            #expect(try await Self.read(run, at: 8192) == Array(Self.image[8192..<12_288]))
        }
    }

    @Test func `requests can be late, and held ones fail when the device goes`() throws {
        let hold = FaultHold()
        try Self.run(
            .init(.nbdDevice, "read", .delay(.seconds(7))),
            .init(.nbdDevice, "read", at: 2...2, .hold(hold))
        ) { run, _ async throws in
            _ = try await Self.read(run)
            #expect(run.now == .seconds(7))
            let reader = run.simulation.spawner.spawn("reader") {
                let errno = await Self.errno { () throws(SystemError) in
                    _ = try await Self.read(run, at: 8192)
                }
                #expect(errno == EIO)
            }
            try await run.simulation.clock.sleep(for: .seconds(60))
            try await run.kernel.detach("nbd0")
            await reader.finished()
            hold.release()
            #expect(run.now == .seconds(67))
        }
    }

    @Test(arguments: [
        FaultAction.Corruption.bitFlip(bit: 9), .zero(at: 512), .swap(1, 4), .shift(byteCount: 512),
    ])
    func `what is read can be corrupted on its way`(corruption: FaultAction.Corruption) throws {
        try Self.run(.init(.nbdDevice, "read", .corrupt(corruption))) { run, _ async throws in
            var expected = Array(Self.image[..<4096])
            switch corruption {
            case .bitFlip: expected[1] ^= 2
            case .zero: expected.replaceSubrange(512..<1024, with: repeatElement(0, count: 512))
            case .swap:
                expected.replaceSubrange(512..<1024, with: Self.image[2048..<2560])
                expected.replaceSubrange(2048..<2560, with: Self.image[512..<1024])
            default: expected = Array(Self.image[512..<4608])
            }
            #expect(try await Self.read(run) == expected)
        }
    }

    @Test func `a write can be torn, forgotten or corrupted, and a flush pretended`() throws {
        let data = [UInt8](repeating: 0xEE, count: 4096)
        try Self.run(.init(.nbdDevice, "write", .torn(sectors: 0b1010_0110))) { run, server async throws in
            try await run.buildGadget(files: ["/dev/nbd0"])
            let host = try await run.host()
            #expect(try await host.write(0, data, isForced: true).status == .passed)
            for sector in 0..<8 {
                let isWritten = [1, 2, 5, 7].contains(sector)
                #expect((server.image[sector * 512] == 0xEE) == isWritten, "sector \(sector)")
            }
        }
        for action in [FaultAction.pretend, .failAfterwards(errno: EIO), .corrupt(.bitFlip(bit: 0))] {
            try Self.run(.init(.nbdDevice, "write", action)) { run, server async throws in
                try await run.buildGadget(files: ["/dev/nbd0"])
                let host = try await run.host()
                let answer = try await host.write(0, data, isForced: true)
                #expect((answer.status == .failed) == (action == .failAfterwards(errno: EIO)))
                switch action {
                case .pretend: #expect(server.image == Self.image)
                case .corrupt: #expect(server.image[..<2] == [0xEF, 0xEE])
                default: #expect(server.image[..<4096] == data[...])
                }
            }
        }
        try Self.run(.init(.nbdDevice, "flush", .pretend)) { run, server async throws in
            try await run.buildGadget(files: ["/dev/nbd0"])
            let host = try await run.host()
            #expect(try await host.synchronize().status == .passed)
            #expect(!server.requests.contains { $0.command == .flush })
        }
    }

    @Test func `a request names its device, its slot and its bytes`() throws {
        let faults = FaultScript()
        try KernelRun.run(faults: faults) { run async throws in
            let (_, channel) = run.server(ScriptedServer.Script(image: Self.image))
            var attachment = run.attachment(byteCount: Self.image.count, flags: Self.writable)
            attachment.backendIdentifier = "virtual-media/Slot_3"
            try await run.kernel.attach(attachment, connections: [channel])
            _ = try await Self.read(run, at: 8192)
            try await run.kernel.discard(4096..<8192, on: "nbd0")
        }
        let met = faults.occasions.filter { $0.layer == .nbdDevice }
        #expect(met.map(\.operation).prefix(3) == ["attach", "read", "trim"])
        #expect(met.prefix(3).allSatisfy { $0.target == "nbd0" && $0.slot == "Slot_3" })
        #expect(met[1].bytes == 8192..<12_288 && met[2].bytes == 4096..<8192)
    }
}
