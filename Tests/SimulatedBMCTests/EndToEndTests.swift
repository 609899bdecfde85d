import Glibc
import NBDProtocol
import TestSupport
import Testing
import USBMassStorage
import VirtualMedia

@testable import SimulatedBMC

/// Through gadget, page cache and nbd to a server, all in virtual time.
struct HostViewTests {
    static let image = TemporaryFolder.pattern(4 << 20)

    /// A gadget on an nbd device on a server, and a host that has enumerated it.
    static func connected(
        _ run: KernelRun, _ script: ScriptedServer.Script,
        flags: TransmissionFlags = [.hasFlags, .isReadOnly],
        readAhead: Int = 1 << 20, timeout: Duration? = .seconds(20), isDisc: Bool = false
    ) async throws -> (ScriptedServer, TestHost) {
        let (server, channel) = run.server(script)
        try await run.kernel.attach(
            run.attachment(
                byteCount: script.image.count, flags: flags, timeout: timeout, readAhead: readAhead),
            connections: [channel])
        try await run.buildGadget(files: ["/dev/nbd0"], isDisc: isDisc)
        return (server, try await run.host())
    }

    @Test(arguments: [KernelProfile.linux6_12, .linux6_1], [1, 8, 128, 2048] as [UInt16])
    func `every block that the host reads is the image's`(profile: KernelProfile, blocks: UInt16) throws {
        try KernelRun.run(profile: profile) { run in
            let (_, host) = try await Self.connected(run, ScriptedServer.Script(image: Self.image))
            let limit = blocks == 1 ? 256 : Self.image.count / 512
            for block in stride(from: 0, to: limit, by: Int(blocks)) {
                let answer = try await host.read(UInt32(block), count: blocks)
                let expected = Array(Self.image[block * 512..<(block + Int(blocks)) * 512])
                #expect(answer.status == .passed && answer.data == expected, "block \(block)")
            }
        }
    }

    @Test func `the host finds the gadget that configfs describes`() throws {
        try KernelRun.run { run in
            let (server, channel) = run.server(ScriptedServer.Script(image: Self.image))
            try await run.kernel.attach(run.attachment(byteCount: Self.image.count), connections: [channel])
            try await run.buildGadget(files: ["/dev/nbd0"])
            #expect(try await run.kernel.controllers()[0].state == "not attached")
            await run.kernel.attachHost(to: KernelRun.udc)
            let host = TestHost(try await run.kernel.device(on: KernelRun.udc, timeout: .seconds(1)))
            #expect(try await run.kernel.controllers()[0].state == "default")
            let descriptor = try await host.enumerate()
            #expect(Array(descriptor[8..<12]) == [0x6B, 0x1D, 0x04, 0x01])
            let controller = try await run.kernel.controllers()[0]
            #expect(controller.state == "configured" && controller.function == "g1")
            #expect(controller.currentSpeed == "high-speed")
            let inquiry = try await host.command([0x12, 0, 0, 0, 36, 0], reading: 36)
            #expect(String(decoding: inquiry.data[8..<36], as: UTF8.self) == "Linux   File-Stor Gadget0612")
            let capacity = try await host.command([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], reading: 8)
            #expect(capacity.data == [0, 0, 0x1F, 0xFF, 0, 0, 2, 0])
            // The export is read-only, so the unit is.
            #expect(try await run.kernel.read("\(KernelRun.lun)/ro") == "1")
            #expect(server.requests.allSatisfy { $0.command == .read })
        }
    }

    @Test func `a disc has sectors of 2048 bytes`() throws {
        try KernelRun.run { run in
            let (_, host) = try await Self.connected(
                run, ScriptedServer.Script(image: Self.image), isDisc: true)
            let capacity = try await host.command([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], reading: 8)
            #expect(capacity.data == [0, 0, 7, 0xFF, 0, 0, 8, 0])
            let answer = try await host.read(16, count: 2, blockBytes: 2048)
            #expect(answer.data == Array(Self.image[32768..<36864]))
        }
    }

    @Test func `what the host writes and synchronizes is on the server`() throws {
        try KernelRun.run { run in
            let (server, host) = try await Self.connected(
                run, ScriptedServer.Script(image: Self.image), flags: [.hasFlags, .sendFlush])
            let data = (0..<4096).map { UInt8(truncatingIfNeeded: $0 / 7) }
            #expect(try await host.write(10, data).status == .passed)
            #expect(try await host.read(10, count: 8).data == data)
            #expect(server.image == Self.image)
            #expect(try await host.synchronize().status == .passed)
            #expect(Array(server.image[5120..<9216]) == data)
            #expect(server.requests.last?.command == .flush)
            #expect(try await host.write(20, data, isForced: true).status == .passed)
            #expect(Array(server.image[10240..<14336]) == data)
        }
    }

    @Test func `clearing the file writes back what is dirty before it returns`() throws {
        try KernelRun.run { run in
            let (server, host) = try await Self.connected(
                run, ScriptedServer.Script(image: Self.image), flags: [.hasFlags, .sendFlush])
            let data = [UInt8](repeating: 0x5A, count: 8192)
            #expect(try await host.write(0, data).status == .passed)
            try await run.kernel.write("", to: "\(KernelRun.lun)/file")
            #expect(Array(server.image[..<8192]) == data)
        }
    }

    @Test func `a slot with a hung server keeps no other slot waiting`() throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.silentFrom = 1
            let (_, host) = try await Self.connected(
                run, script, flags: [.hasFlags, .sendFlush], readAhead: 0, timeout: nil)
            #expect(try await host.write(0, [UInt8](repeating: 1, count: 4096)).status == .passed)
            _ = try await host.read(64, count: 8)
            #expect(try await host.eject().status == .passed)
            try await run.buildGadget("g2", files: [], controller: "dummy_udc.1")
            #expect(run.now == .zero)
        }
    }

    @Test func `a host's eject empties the file`() throws {
        try KernelRun.run { run in
            let (_, host) = try await Self.connected(run, ScriptedServer.Script(image: Self.image))
            #expect(try await host.eject().status == .passed)
            #expect(try await run.kernel.read("\(KernelRun.lun)/file") == "")
            #expect(try await host.read(0, count: 1).status == .failed)
            #expect(try await host.sense() == [2, 0x3A, 0])
        }
    }

    @Test func `a prevented medium stays until it is forced out`() throws {
        try KernelRun.run { run in
            let (_, host) = try await Self.connected(run, ScriptedServer.Script(image: Self.image))
            await run.kernel.addFile("/other", [UInt8](repeating: 1, count: 1 << 20))
            let file = "\(KernelRun.lun)/file"
            #expect(try await host.prevent(true).status == .passed)
            for value in ["", "/other"] {
                let errno = await NBDDriverTests.errno { () throws(SystemError) in
                    try await run.kernel.write(value, to: file)
                }
                #expect(errno == EBUSY)
            }
            #expect(try await run.kernel.read(file) == "/dev/nbd0")
            #expect(try await host.eject().status == .failed)
            #expect(try await host.sense() == [5, 0x53, 2])
            try await run.kernel.write("1", to: "\(KernelRun.lun)/forced_eject")
            #expect(try await run.kernel.read(file) == "")
            #expect(try await host.read(0, count: 1).status == .failed)
            // The lock is off, so a new medium goes in, and the host hears of it.
            try await run.kernel.write("/other", to: file)
            #expect(try await host.command([0, 0, 0, 0, 0, 0]).status == .failed)
            #expect(try await host.sense() == [6, 0x28, 0])
            #expect(try await host.read(0, count: 1).data == [UInt8](repeating: 1, count: 512))
        }
    }

    @Test func `a bad spot of the server is a medium error there and nowhere else`() throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.badRange = 1_000_000..<1_000_001
            let (_, host) = try await Self.connected(run, script)
            #expect(try await host.read(1024, count: 2048).status == .failed)
            #expect(try await host.sense() == [3, 0x11, 0])
            for block in [0, 1944, 1960, 4096] as [UInt32] {
                let answer = try await host.read(block, count: 8)
                let start = Int(block) * 512
                #expect(answer.data == Array(Self.image[start..<start + 4096]), "block \(block)")
            }
            #expect(try await host.read(1952, count: 8).status == .failed)
        }
    }

    @Test func `a hung server is a medium error after the request timeout, and the device lives`() throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.silentFrom = 2
            let (_, host) = try await Self.connected(run, script, readAhead: 0, timeout: .seconds(10))
            #expect(try await host.read(0, count: 8).status == .passed)
            #expect(try await host.read(64, count: 8).status == .passed)
            #expect(try await host.read(128, count: 8).status == .failed)
            #expect(run.now >= .seconds(10) && run.now < .seconds(11))
            #expect(try await host.sense() == [3, 0x11, 0])
            #expect(try await host.command([0, 0, 0, 0, 0, 0]).status == .passed)
        }
    }

    @Test func `a detach under load fails the reads and frees everything`() throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.delay = .milliseconds(100)
            let (_, host) = try await Self.connected(run, script)
            let reader = run.simulation.spawner.spawn("host reads") {
                var failures = 0
                for block in stride(from: 0, to: 8192, by: 256) where failures < 3 {
                    let answer = try? await host.read(UInt32(block), count: 256)
                    if answer?.status != .passed { failures += 1 }
                }
                #expect(failures == 3)
            }
            try await run.simulation.clock.sleep(for: .milliseconds(450))
            try await run.kernel.write("1", to: "\(KernelRun.lun)/forced_eject")
            try await run.kernel.detach("nbd0")
            #expect(try await run.kernel.status(of: "nbd0").byteCount == 0)
            await reader.finished()
        }
    }

    @Test func `several gadgets and units work at once`() throws {
        try KernelRun.run { run in
            for number in 0..<3 {
                let image = TemporaryFolder.pattern(1 << 20, seed: UInt64(number))
                let (_, channel) = run.server(ScriptedServer.Script(image: image))
                try await run.kernel.attach(
                    run.attachment("nbd\(number)", byteCount: image.count), connections: [channel])
            }
            try await run.buildGadget("g1", files: ["/dev/nbd0", "/dev/nbd1", ""])
            try await run.buildGadget("g2", files: ["/dev/nbd2"], controller: "dummy_udc.2")
            let first = try await run.host()
            let second = try await run.host(on: "dummy_udc.2")
            for (host, lun, seed) in [(first, 0, 0), (first, 1, 1), (second, 0, 2)]
                as [(TestHost, UInt8, UInt64)]
            {
                _ = try await host.command([0, 0, 0, 0, 0, 0], lun: lun)
                let answer = try await host.read(100, count: 16, lun: lun)
                let image = TemporaryFolder.pattern(1 << 20, seed: seed)
                #expect(answer.data == Array(image[51200..<59392]))
            }
            #expect(try await first.command([0, 0, 0, 0, 0, 0], lun: 2).status == .failed)
        }
    }

    @Test func `unbinding ends the host's transfers`() throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.silentFrom = 0
            let (_, host) = try await Self.connected(run, script)
            let reader = run.simulation.spawner.spawn("host reads") {
                await #expect(throws: USBTransferError.disconnected) { try await host.read(0, count: 8) }
            }
            try await run.simulation.clock.sleep(for: .seconds(1))
            try await run.kernel.write("", to: "g1/UDC")
            await reader.finished()
            await #expect(throws: USBTransferError.disconnected) { try await host.read(0, count: 8) }
            #expect(try await run.kernel.controllers()[0].state == "not attached")
        }
    }

    @Test func `a transfer without an answer times out and the port can be reset`() throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.silentFrom = 1
            let (server, host) = try await Self.connected(run, script, readAhead: 0, timeout: nil)
            #expect(try await host.read(0, count: 8).status == .passed)
            await #expect(throws: USBTransferError.timedOut) { try await host.read(4096, count: 8) }
            #expect(run.now == .seconds(30))
            try await host.connection.resetPort()
            #expect(try await run.kernel.controllers()[0].state == "default")
            try await host.enumerate()
            #expect(try await host.read(0, count: 8).status == .passed)
            #expect(server.requests.count == 2)
        }
    }

    @Test func `a host that sees no gadget gives up after its time`() throws {
        try KernelRun.run { run in
            await run.kernel.attachHost(to: KernelRun.udc)
            await #expect(throws: USBTransferError.timedOut) {
                _ = try await run.kernel.device(on: KernelRun.udc, timeout: .seconds(7))
            }
            #expect(run.now == .seconds(7))
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `the same seed gives the same run`(seed: UInt64) throws {
        func hash() throws -> UInt64 {
            try KernelRun.run(seed: seed) { run in
                let (_, host) = try await Self.connected(run, ScriptedServer.Script(image: Self.image))
                for block in stride(from: 0, to: 4096, by: 512) {
                    _ = try await host.read(UInt32(block), count: 512)
                }
                return run.simulation.executor.traceHash
            }
        }
        #expect(try hash() == hash())
    }
}
