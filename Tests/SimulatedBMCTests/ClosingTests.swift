import FaultPoints
import Glibc
import NBDProtocol
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedBMC

/// What becomes of unwritten data when the last user closes the device: `bdev_release` writes it back
/// first, in the process that clears the LUN's file, or in a worker when the gadget's own thread closed it.
struct ClosingTests {
    static let data = [UInt8](repeating: 0xAB, count: 8192)

    private static func run(
        _ rule: FaultScript.Rule,
        _ body: @escaping @Sendable (KernelRun, ScriptedServer, TestHost) async throws -> Void
    ) throws {
        try KernelRun.run(faults: FaultScript(rule)) { run in
            let (server, host) = try await HostViewTests.connected(
                run, ScriptedServer.Script(image: PowerTests.image), flags: BlockDeviceFaultTests.writable)
            #expect(try await host.write(0, Self.data).status == .passed)
            #expect(server.image == PowerTests.image)
            try await body(run, server, host)
        }
    }

    @Test func `clearing the file returns once all is written`() throws {
        try Self.run(.init(.nbdDevice, "write", .delay(.seconds(6)))) { run, server, _ in
            let start = run.now
            try await run.kernel.write("", to: "\(KernelRun.lun)/file")
            #expect(run.now - start == .seconds(6))
            #expect(Array(server.image[..<8192]) == Self.data)
        }
    }

    @Test func `the host's eject returns at once, and the device stays open until all is written`() throws {
        try Self.run(.init(.nbdDevice, "write", .delay(.seconds(6)))) { run, server, host in
            let start = run.now
            #expect(try await host.eject().status == .passed)
            #expect(run.now == start)
            #expect(try await run.kernel.read("\(KernelRun.lun)/file") == "")
            try await run.simulation.clock.sleep(for: .seconds(5))
            #expect(server.image == PowerTests.image)
            try await run.simulation.clock.sleep(for: .seconds(2))
            #expect(Array(server.image[..<8192]) == Self.data)
        }
    }

    @Test func `a detach in between loses what was not written`() throws {
        try Self.run(.init(.nbdDevice, "write", .delay(.seconds(6)))) { run, server, host in
            _ = try await host.eject()
            try await run.kernel.detach("nbd0")
            try await run.simulation.clock.sleep(for: .seconds(60))
            #expect(server.image == PowerTests.image)
            #expect(try await !run.kernel.status(of: "nbd0").isAttached)
        }
    }

    @Test func `a flush after the host's eject waits for it, and makes it durable`() throws {
        try Self.run(.init(.nbdDevice, "write", .delay(.seconds(6)))) { run, server, host in
            _ = try await host.eject()
            try await run.kernel.flush("nbd0")
            #expect(Array(server.image[..<8192]) == Self.data)
            #expect(server.requests.last?.command == .flush)
        }
    }

    @Test(arguments: [false, true])
    func `a write-back that fails while closing is the next flush's to report`(isLate: Bool) throws {
        try Self.run(.init(.nbdDevice, "write", .delay(.seconds(6)), .fail(errno: EIO))) { run, _, host in
            _ = try await host.eject()
            if isLate { try await run.simulation.clock.sleep(for: .seconds(10)) }
            func flush() async -> CInt {
                await ConfigFSFaultTests.errno { () throws(SystemError) in try await run.kernel.flush("nbd0")
                }
            }
            #expect(await [flush(), flush()] == [EIO, 0])
        }
    }

    @Test func `the last close takes the cache along`() throws {
        try KernelRun.run { run in
            let (server, channel) = run.server(ScriptedServer.Script(image: PowerTests.image))
            try await run.kernel.attach(
                run.attachment(byteCount: PowerTests.image.count), connections: [channel])
            for _ in 0..<2 { _ = try await run.kernel.read(4096, at: 0, from: "nbd0") }
            #expect(server.requests.count == 2)
            try await run.buildGadget(files: ["/dev/nbd0"])
            for _ in 0..<2 { _ = try await run.kernel.read(4096, at: 0, from: "nbd0") }
            #expect(server.requests.count == 3)
        }
    }
}
