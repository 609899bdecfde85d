import Glibc
import NBDProtocol
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedBMC

struct NBDDriverTests {
    static let image = TemporaryFolder.pattern(1 << 20)

    @Test func `data read through the device are the server's`() throws {
        try KernelRun.run { run in
            let (_, channel) = run.server(ScriptedServer.Script(image: Self.image))
            try await run.kernel.attach(run.attachment(byteCount: Self.image.count), connections: [channel])
            for (offset, count) in [(0, 1), (511, 2), (4096, 70_000), (Self.image.count - 3, 3)] {
                let read = try await run.kernel.read(count, at: UInt64(offset), from: "nbd0")
                #expect(read == Array(Self.image[offset..<offset + count]))
            }
            let status = try await run.kernel.status(of: "nbd0")
            #expect(status.isAttached && status.liveConnections == 1 && status.isReadOnly)
            #expect(status.readBytes >= 70_000)
        }
    }

    @Test(arguments: [
        ("nbd16", 512, 1, ENODEV), ("sda", 512, 1, ENODEV), ("nbd0", 0, 1, EINVAL), ("nbd0", 511, 1, EINVAL),
        ("nbd0", 768, 1, EINVAL), ("nbd0", 8192, 1, EINVAL), ("nbd0", 512, 0, EINVAL),
        ("nbd0", 512, 2, EINVAL), ("nbd0", 512, 1, 0), ("nbd15", 4096, 1, 0),
    ])
    func `an attachment is refused as the driver refuses it`(
        device: String, blockBytes: UInt32, connections: Int, errno: CInt
    ) throws {
        try KernelRun.run { run in
            var attachment = run.attachment(device, byteCount: 1 << 20)
            attachment.blockBytes = blockBytes
            let channels = (0..<connections).map { _ in run.server(ScriptedServer.Script()).1 }
            let found = await Self.errno { () throws(SystemError) in
                try await run.kernel.attach(attachment, connections: channels)
            }
            #expect(found == errno)
        }
    }

    @Test func `a device is busy until the last opener has closed`() throws {
        try KernelRun.run { run in
            let attachment = run.attachment(byteCount: Self.image.count)
            func attach() async -> CInt {
                let (_, channel) = run.server(ScriptedServer.Script(image: Self.image))
                return await Self.errno { () throws(SystemError) in
                    try await run.kernel.attach(attachment, connections: [channel])
                }
            }
            #expect(await attach() == 0)
            #expect(await attach() == EBUSY)
            try await run.buildGadget(files: ["/dev/nbd0"])
            try await run.kernel.detach("nbd0")
            let held = try await run.kernel.status(of: "nbd0")
            #expect(held.byteCount == UInt64(Self.image.count) && held.liveConnections == 0)
            #expect(await attach() == EBUSY)
            try await run.kernel.write("", to: "\(KernelRun.lun)/file")
            #expect(try await run.kernel.status(of: "nbd0").byteCount == 0)
            #expect(await attach() == 0)
        }
    }

    @Test func `requests are split at the profile's limit`() throws {
        try KernelRun.run(profile: .linux6_1) { run in
            let (server, channel) = run.server(ScriptedServer.Script(image: Self.image))
            try await run.kernel.attach(run.attachment(byteCount: Self.image.count), connections: [channel])
            _ = try await run.kernel.read(300_000, at: 1000, from: "nbd0")
            // Whole pages around 1000..<301000, in pieces of at most 128 KiB.
            #expect(server.requests.map(\.length) == [131_072, 131_072, 40_960])
            #expect(server.requests.map(\.offset) == [0, 131_072, 262_144])
        }
    }

    @Test(arguments: [1, 22, 28, 75, 108] as [UInt32])
    func `every error of the server becomes EIO`(error: UInt32) throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.badRange = 8192..<8193
            script.error = error
            let (_, channel) = run.server(script)
            try await run.kernel.attach(run.attachment(byteCount: Self.image.count), connections: [channel])
            #expect(await Self.errnoOfRead(run, at: 8192) == EIO)
            // Pages beside the bad one are still readable, and the connection lives.
            #expect(await Self.errnoOfRead(run, at: 4096) == 0)
            #expect(await Self.errnoOfRead(run, at: 12288) == 0)
        }
    }

    @Test(arguments: [true, false])
    func `a reply with a cookie not in flight kills the connection`(isDouble: Bool) throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            if isDouble { script.doubleReplyAt = 0 } else { script.wrongCookieAt = 0 }
            let (_, channel) = run.server(script)
            var events = await run.kernel.events().makeAsyncIterator()
            try await run.kernel.attach(
                run.attachment(byteCount: Self.image.count, timeout: .seconds(3)), connections: [channel])
            #expect(await Self.errnoOfRead(run, at: 0) == (isDouble ? 0 : EIO))
            #expect(await events.next() == .linkDead(device: "nbd0"))
            #expect(try await run.kernel.status(of: "nbd0").liveConnections == 0)
            #expect(await Self.errnoOfRead(run, at: 65536) == EIO)
        }
    }

    @Test(arguments: [true, false]) func `a discard goes to a server that offered trim`(offersTrim: Bool)
        throws
    {
        try KernelRun.run { run in
            let (server, channel) = run.server(ScriptedServer.Script(image: Self.image))
            let flags: TransmissionFlags = offersTrim ? [.hasFlags, .sendTrim] : .hasFlags
            try await run.kernel.attach(
                run.attachment(byteCount: Self.image.count, flags: flags), connections: [channel])
            let found = await Self.errno { () throws(SystemError) in
                try await run.kernel.discard(4096..<12288, on: "nbd0")
            }
            #expect(found == (offersTrim ? 0 : EINVAL))
            #expect(server.requests.map(\.command) == (offersTrim ? [.trim] : []))
        }
    }

    @Test func `dropping the cache makes the next read reach the server`() throws {
        try KernelRun.run { run in
            let (server, channel) = run.server(ScriptedServer.Script(image: Self.image))
            try await run.kernel.attach(run.attachment(byteCount: Self.image.count), connections: [channel])
            // Somebody has it open: the last close would take the cache along.
            try await run.buildGadget(files: ["/dev/nbd0"])
            for _ in 0..<3 { #expect(await Self.errnoOfRead(run, at: 0) == 0) }
            #expect(server.requests.count == 1)
            try await run.kernel.dropCache(of: "nbd0")
            #expect(await Self.errnoOfRead(run, at: 0) == 0)
            #expect(server.requests.count == 2)
        }
    }

    @Test func `a new attachment shows new data and has a life of its own`() throws {
        try KernelRun.run { run in
            for seed in 1...3 as ClosedRange<UInt64> {
                let image = TemporaryFolder.pattern(1 << 16, seed: seed)
                let (server, channel) = run.server(ScriptedServer.Script(image: image))
                try await run.kernel.attach(run.attachment(byteCount: image.count), connections: [channel])
                #expect(try await run.kernel.read(512, at: 1024, from: "nbd0") == Array(image[1024..<1536]))
                try await run.kernel.detach("nbd0")
                #expect(server.requests.last?.command == .disconnect)
                // Bytes are counted since boot, as in /sys/block/nbd0/stat.
                #expect(try await run.kernel.status(of: "nbd0").readBytes == seed * 4096)
            }
        }
    }

    static func errnoOfRead(_ run: KernelRun, at offset: UInt64, count: Int = 512) async -> CInt {
        await errno { () throws(SystemError) in _ = try await run.kernel.read(count, at: offset, from: "nbd0")
        }
    }

    static func errno(_ body: () async throws(SystemError) -> Void) async -> CInt {
        do throws(SystemError) {
            try await body()
            return 0
        } catch { return error.errno }
    }
}

struct NBDTimeoutTests {
    static let image = TemporaryFolder.pattern(1 << 20)

    @Test func `a silent server costs one request timeout and then the device`() throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.silentFrom = 0
            let (_, channel) = run.server(script)
            try await run.kernel.attach(
                run.attachment(byteCount: Self.image.count, timeout: .seconds(10)), connections: [channel])
            #expect(await NBDDriverTests.errnoOfRead(run, at: 0) == EIO)
            #expect(run.now == .seconds(10))
            #expect(await NBDDriverTests.errnoOfRead(run, at: 4096) == EIO)
            #expect(run.now == .seconds(10))
        }
    }

    @Test func `a server that dies idle fails the next read at once`() throws {
        try KernelRun.run { run in
            let (server, channel) = run.server(ScriptedServer.Script(image: Self.image))
            var events = await run.kernel.events().makeAsyncIterator()
            try await run.kernel.attach(run.attachment(byteCount: Self.image.count), connections: [channel])
            server.kill()
            #expect(await events.next() == .linkDead(device: "nbd0"))
            let status = try await run.kernel.status(of: "nbd0")
            #expect(status.isAttached && status.byteCount == UInt64(Self.image.count))
            #expect(await NBDDriverTests.errnoOfRead(run, at: 0) == EIO)
            #expect(run.now == .zero)
        }
    }

    @Test func `a request on a dying connection waits for its own timeout`() throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.hangUpAt = 0
            let (_, channel) = run.server(script)
            try await run.kernel.attach(
                run.attachment(byteCount: Self.image.count, timeout: .seconds(20)), connections: [channel])
            #expect(await NBDDriverTests.errnoOfRead(run, at: 0) == EIO)
            #expect(run.now == .seconds(20))
        }
    }

    @Test(arguments: [true, false])
    func `requests wait for a new connection as long as they may`(isReconfigured: Bool) throws {
        try KernelRun.run { run in
            let (server, channel) = run.server(ScriptedServer.Script(image: Self.image))
            var events = await run.kernel.events().makeAsyncIterator()
            try await run.kernel.attach(
                run.attachment(byteCount: Self.image.count, deadTimeout: .seconds(15)),
                connections: [channel])
            server.kill()
            _ = await events.next()
            if isReconfigured {
                run.simulation.spawner.spawn("reconnect") {
                    try? await run.simulation.clock.sleep(for: .seconds(9))
                    let (_, fresh) = run.server(ScriptedServer.Script(image: Self.image))
                    try? await run.kernel.reconfigure("nbd0", connections: [fresh])
                }
            }
            let found = await NBDDriverTests.errnoOfRead(run, at: 0)
            #expect(found == (isReconfigured ? 0 : EIO))
            // A failed read is tried once more, page by page, and waits as long again.
            #expect(run.now == .seconds(isReconfigured ? 9 : 30))
        }
    }

    @Test func `a request in flight moves to the connection that replaced its own`() throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.hangUpAt = 0
            let (_, channel) = run.server(script)
            var events = await run.kernel.events().makeAsyncIterator()
            try await run.kernel.attach(
                run.attachment(byteCount: Self.image.count, timeout: .seconds(20), deadTimeout: .seconds(5)),
                connections: [channel])
            let reader = run.simulation.spawner.spawn("reader") {
                #expect(await NBDDriverTests.errnoOfRead(run, at: 0) == 0)
            }
            _ = await events.next()
            let (fresh, second) = run.server(ScriptedServer.Script(image: Self.image))
            try await run.kernel.reconfigure("nbd0", connections: [second])
            await reader.finished()
            #expect(run.now == .seconds(20))
            #expect(fresh.requests.count == 1)
        }
    }

    @Test func `with several connections a timed-out request is tried on another`() throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.silentFrom = 0
            let (silent, first) = run.server(script)
            let (lively, second) = run.server(ScriptedServer.Script(image: Self.image))
            try await run.kernel.attach(
                run.attachment(
                    byteCount: Self.image.count, flags: [.hasFlags, .isReadOnly, .canMultiConnect],
                    timeout: .seconds(4)),
                connections: [first, second])
            for block in 0..<4 {
                #expect(await NBDDriverTests.errnoOfRead(run, at: UInt64(block) * 65536) == 0)
            }
            #expect(silent.requests.count == 1)
            #expect(lively.requests.count == 4)
            #expect(run.now == .seconds(4))
            #expect(try await run.kernel.status(of: "nbd0").liveConnections == 1)
        }
    }

    @Test func `requests go round the connections`() throws {
        try KernelRun.run { run in
            let servers = (0..<3).map { _ in run.server(ScriptedServer.Script(image: Self.image)) }
            try await run.kernel.attach(
                run.attachment(
                    byteCount: Self.image.count, flags: [.hasFlags, .isReadOnly, .canMultiConnect]),
                connections: servers.map(\.1))
            for block in 0..<9 {
                #expect(await NBDDriverTests.errnoOfRead(run, at: UInt64(block) * 65536) == 0)
            }
            #expect(servers.map(\.0.requests.count) == [3, 3, 3])
        }
    }

    @Test func `detaching ends requests that wait for ever`() throws {
        try KernelRun.run { run in
            var script = ScriptedServer.Script(image: Self.image)
            script.silentFrom = 0
            let (server, channel) = run.server(script)
            try await run.kernel.attach(
                run.attachment(byteCount: Self.image.count, timeout: nil), connections: [channel])
            let reader = run.simulation.spawner.spawn("reader") {
                #expect(await NBDDriverTests.errnoOfRead(run, at: 0) == EIO)
            }
            try await run.simulation.clock.sleep(for: .seconds(3600))
            #expect(try await run.kernel.status(of: "nbd0").liveConnections == 1)
            try await run.kernel.detach("nbd0")
            await reader.finished()
            #expect(server.requests.map(\.command) == [.read, .disconnect])
            #expect(!run.simulation.spawner.unfinished.contains { $0.hasPrefix("nbd0") })
        }
    }
}
