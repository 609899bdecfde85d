import FaultPoints
import Glibc
import TestSupport
import Testing
import VirtualMedia

@testable import SimulatedBMC

struct ConfigFSFaultTests {
    static let file = "\(KernelRun.lun)/file"

    /// Builds a gadget without faults, then lets the rule loose on `body`.
    static func run(
        _ rule: FaultScript.Rule, _ body: @escaping @Sendable (KernelRun) async throws -> Void
    ) throws {
        let faults = FaultScript()
        try KernelRun.run(faults: faults) { run async throws in
            await run.kernel.addFile("/disk", [UInt8](repeating: 0, count: 4096))
            try await run.buildGadget(files: ["/disk"])
            faults.add(rule)
            try await body(run)
        }
        #expect(faults.firedCount == rule.occurrences.count)
    }

    static func errno(_ body: () async throws(SystemError) -> Void) async -> CInt {
        do throws(SystemError) { try await body() } catch { return error.errno }
        return 0
    }

    @Test func `an operation fails at the occurrence that the fault names`() throws {
        try Self.run(.init(.configfs, "write", on: "lun.0/file", at: 2...2, .fail(errno: EIO))) { run in
            func load() async -> CInt {
                await Self.errno { () throws(SystemError) in
                    try await run.kernel.write("/disk", to: Self.file)
                }
            }
            #expect(await [load(), load(), load()] == [0, EIO, 0])
        }
    }

    @Test func `every operation is told with its path, its slot and the time`() throws {
        let faults = FaultScript()
        try KernelRun.run(faults: faults) { run async throws in
            try await run.simulation.clock.sleep(for: .seconds(3))
            let gadget = "mass-storage-Slot_0"
            let configuration = "\(gadget)/configs/c.1"
            try await run.kernel.makeDirectory(gadget)
            try await run.kernel.makeDirectory(configuration)
            try await run.kernel.makeDirectory("\(gadget)/functions/mass_storage.0")
            try await run.kernel.makeLink(
                at: "\(configuration)/f", to: "\(gadget)/functions/mass_storage.0")
            try await run.kernel.removeLink("\(configuration)/f")
            try await run.kernel.removeDirectory(configuration)
            _ = try await run.kernel.read("\(gadget)/UDC")
            _ = try await run.kernel.list("")
        }
        let met = faults.occasions.filter { $0.layer == .configfs }
        #expect(
            met.map(\.operation) == ["mkdir", "mkdir", "mkdir", "symlink", "unlink", "rmdir", "read", "list"])
        #expect(met.map(\.slot) == Array(repeating: "Slot_0", count: 7) + [nil])
        #expect(met[3].target == "mass-storage-Slot_0/configs/c.1/f")
        #expect(met.allSatisfy { $0.time == .seconds(3) })
    }

    @Test func `a delay makes an operation late, and a hold keeps it until it is released`() throws {
        let hold = FaultHold()
        try Self.run(.init(.configfs, "write", .delay(.seconds(4)), .hold(hold))) { run async throws in
            run.simulation.spawner.spawn("release") {
                try? await run.simulation.clock.sleep(for: .seconds(9))
                hold.release()
            }
            let start = run.now
            try await run.kernel.write("", to: Self.file)
            #expect(run.now - start == .seconds(9))
            #expect(try await run.kernel.read(Self.file) == "")
        }
    }

    @Test func `a write that comes late to a gadget that was removed never reaches its namesake`() throws {
        try Self.run(.init(.configfs, "write", on: "/UDC", .delay(.seconds(8)))) { run async throws in
            let gadget = String(KernelRun.lun.prefix { $0 != "/" })
            let late = run.simulation.spawner.spawn("late") {
                let errno = await Self.errno { () throws(SystemError) in
                    try await run.kernel.write("", to: "\(gadget)/UDC")
                }
                #expect(errno == ENOENT)
            }
            try await run.simulation.clock.sleep(for: .seconds(1))
            await run.kernel.powerCut()
            await run.kernel.boot()
            await run.kernel.addFile("/disk", [UInt8](repeating: 0, count: 4096))
            try await run.buildGadget(files: ["/disk"])
            await late.finished()
            #expect(try await run.kernel.read("\(gadget)/UDC") == KernelRun.udc)
        }
    }

    @Test(arguments: ["unlink", "rmdir"])
    func `what is removed late from a gadget that is gone is never its namesake's`(operation: String) throws {
        try Self.run(.init(.configfs, operation, on: "mass_storage.0", .delay(.seconds(8)))) {
            run async throws in
            let late = run.simulation.spawner.spawn("late") {
                let errno = await Self.errno { () throws(SystemError) in
                    if operation == "unlink" {
                        try await run.kernel.removeLink("g1/configs/c.1/mass_storage.0")
                    } else {
                        try await run.kernel.removeDirectory("g1/functions/mass_storage.0")
                    }
                }
                #expect(errno == ENOENT)
            }
            try await run.simulation.clock.sleep(for: .seconds(1))
            await run.kernel.powerCut()
            await run.kernel.boot()
            await run.kernel.addFile("/disk", [UInt8](repeating: 0, count: 4096))
            try await run.buildGadget(files: ["/disk"])
            await late.finished()
            #expect(try await run.kernel.read("g1/UDC") == KernelRun.udc)
        }
    }

    @Test func `a failure afterwards is none but in name, and a pretended success is none but in name`()
        throws
    {
        try Self.run(.init(.configfs, "write", .failAfterwards(errno: EIO))) { run async throws in
            #expect(
                await Self.errno { () throws(SystemError) in try await run.kernel.write("", to: Self.file) }
                    == EIO)
            #expect(try await run.kernel.read(Self.file) == "")
        }
        try Self.run(.init(.configfs, "write", .pretend)) { run async throws in
            try await run.kernel.write("", to: Self.file)
            #expect(try await run.kernel.read(Self.file) == "/disk")
        }
    }

    @Test func `a short write stores what it took, and fails`() throws {
        try Self.run(.init(.configfs, "write", on: "max_speed", .short(byteCount: 3))) { run async throws in
            try await run.kernel.write("", to: "g1/UDC")
            #expect(
                await Self.errno { () throws(SystemError) in
                    try await run.kernel.write("full-speedxyz", to: "g1/max_speed")
                } == EIO)
            #expect(try await run.kernel.read("g1/max_speed") == "full-speed")
        }
    }

    @Test(arguments: [
        (FaultAction.lie(field: "value", value: 1), "1"), (.special("newline", 0), "0\n"),
    ])
    func `what is read back can differ from what was written`(action: FaultAction, text: String) throws {
        try Self.run(.init(.configfs, "read", on: "lun.0/ro", action)) { run async throws in
            #expect(try await run.kernel.read("\(KernelRun.lun)/ro") == text)
            #expect(try await run.kernel.read("\(KernelRun.lun)/ro") == "0")
        }
    }

    @Test func `a controller that vanishes while it is bound takes the gadget with it`() throws {
        try Self.run(.init(.configfs, "read", on: "lun.0/ro", .special("vanish", 0))) { run async throws in
            _ = try await run.kernel.read("\(KernelRun.lun)/ro")
            #expect(try await run.kernel.controllers().map(\.name) == ["dummy_udc.1", "dummy_udc.2"])
            // The kernel goes on to name it until somebody unbinds.
            #expect(try await run.kernel.read("g1/UDC") == KernelRun.udc)
            #expect(
                await Self.errno { () throws(SystemError) in
                    try await run.kernel.write("dummy_udc.1", to: "g1/UDC")
                } == EBUSY)
            try await run.kernel.write("", to: "g1/UDC")
            try await run.kernel.write("dummy_udc.1", to: "g1/UDC")
            await run.kernel.addController(KernelRun.udc)
            #expect(try await run.kernel.controllers().map(\.function) == ["", "g1", ""])
        }
    }

    @Test func `a controller that vanishes before the gadget is bound refuses it`() throws {
        try Self.run(.init(.configfs, "write", on: "UDC", at: 2...2, .special("vanish", 0))) { run in
            try await run.kernel.write("", to: "g1/UDC")
            #expect(
                await Self.errno { () throws(SystemError) in
                    try await run.kernel.write("dummy_udc.2", to: "g1/UDC")
                } == EBUSY)
            #expect(try await run.kernel.controllers().map(\.name) == ["dummy_udc.0", "dummy_udc.1"])
            #expect(try await run.kernel.read("g1/UDC") == "")
        }
    }

    @Test func `a kernel without forced eject has no such attribute`() throws {
        try Self.run(.init(.configfs, at: 1...2, .special("forced-eject-missing", 0))) { run async throws in
            #expect(try await !run.kernel.list(KernelRun.lun).contains("forced_eject"))
            #expect(
                await Self.errno { () throws(SystemError) in
                    try await run.kernel.write("1", to: "\(KernelRun.lun)/forced_eject")
                } == ENOENT)
            #expect(try await run.kernel.list(KernelRun.lun).contains("forced_eject"))
        }
    }

    @Test func `an action that configfs does not know traps and says so`() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try KernelRun.run(faults: FaultScript(.init(.configfs, "mkdir", .drop))) { run async throws in
                try await run.kernel.makeDirectory("g1")
            }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains(#"configfs does not carry out "drop" on "mkdir""#))
    }
}
