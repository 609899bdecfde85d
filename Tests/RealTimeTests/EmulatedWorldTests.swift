import FaultPoints
import Foundation
import LinuxPlatform
import RunLog
import Scenarios
import TestSupport
import Testing
import VirtualMedia

@testable import RealTime

/// The world by itself, without anybody who plays a scenario in it.
struct EmulatedWorldTests {
    @Test func `the world is a folder, sockets and threads, and leaves none of them`() async throws {
        let thread = ThreadExecutor(name: "kernel")
        defer { thread.stop() }
        let clock = RunClock()
        let world = try EmulatedWorld(
            try Scenario("w", topology: EmulatedRunTests.topology).resolve(seed: 1), on: thread, clock: clock,
            faults: NoFaults(),
            recorder: RunRecorder(now: { clock.now }),
            WorldTidings(saw: { _ in }, imageChanged: { _ in }, serviceDied: {}))
        try await world.start()
        let slot = try #require(world.configuration.slots.first { $0.mode == .proxy })
        let folder = try #require(slot.socket.split(separator: "/").dropLast().last).description
        #expect(folder.hasPrefix("mediarig-run-"))
        #expect(FileManager.default.fileExists(atPath: "/tmp/\(folder)/bus"))
        #expect(try await world.offer("disk.img", to: slot, isReadWrite: false).isEmpty)
        #expect(FileManager.default.fileExists(atPath: slot.socket))
        for slot in world.configuration.slots { #expect(await world.leftovers(of: slot) == []) }
        let secret = try world.secretPipe(user: "a", password: "b")
        #expect(await world.leftovers(of: slot) == ["1 pipes with secrets"])
        _ = consume secret
        #expect(await world.leftovers(of: slot) == [])
        await world.shutDown()
        #expect(!FileManager.default.fileExists(atPath: "/tmp/\(folder)"))
    }

    @Test(.enabled(if: Capability.tool("busctl").isUsable, "busctl is not installed"))
    func `any D-Bus program sees the service`() async throws {
        let thread = ThreadExecutor(name: "kernel")
        defer { thread.stop() }
        let clock = RunClock()
        let world = try EmulatedWorld(
            try Scenario("w", topology: EmulatedRunTests.topology).resolve(seed: 1), on: thread, clock: clock,
            faults: NoFaults(),
            recorder: RunRecorder(now: { clock.now }),
            WorldTidings(saw: { _ in }, imageChanged: { _ in }, serviceDied: {}))
        try await world.start()
        let program = ForeignProgram(
            "busctl", "--address=\(world.busAddress)", "--no-pager", "--list", "tree",
            MediaInterfaces.busName)
        let tree = try await program.run()
        #expect(tree.output.contains("/xyz/openbmc_project/VirtualMedia/Proxy/Slot_0"))
        #expect(tree.output.contains("/xyz/openbmc_project/VirtualMedia/Legacy/Slot_1"))
        await world.shutDown()
    }
}
