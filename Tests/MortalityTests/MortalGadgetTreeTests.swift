import LinuxPlatform
import SimulatedBMC
import Synchronization
import Testing
import VirtualMedia

@testable import Mortality

struct MortalGadgetTreeTests {
    private final class Deaths: Sendable {
        let changes = Mutex<[String]>([])
        func note(_ change: String) { changes.withLock { $0.append(change) } }
        var all: [String] { changes.withLock { $0 } }
    }

    /// A small life: what is left of an earlier one is cleared away, then something is built and taken down.
    private static func live(_ tree: some GadgetTree) async throws {
        _ = try await tree.list("")
        try await tree.removeDirectory("old")
        try await tree.makeDirectory("g1")
        try await tree.write("0x1d6b", to: "g1/idVendor")
        #expect(try await tree.read("g1/idVendor") == "0x1d6b")
        try await tree.makeDirectory("g1/configs/c.1")
        try await tree.makeDirectory("g1/functions/mass_storage.0")
        try await tree.makeLink(at: "g1/configs/c.1/f", to: "g1/functions/mass_storage.0")
        try await tree.removeLink("g1/configs/c.1/f")
    }

    private static let changes = [
        "rmdir old", "mkdir g1", "write g1/idVendor", "mkdir g1/configs/c.1",
        "mkdir g1/functions/mass_storage.0",
        "link g1/configs/c.1/f", "unlink g1/configs/c.1/f",
    ]

    @Test(arguments: 1...8, MortalGadgetTree.Counting.allCases)
    func `death comes once, after the change it was to come after`(
        last: Int, counting: MortalGadgetTree.Counting
    ) async throws {
        let executor = ThreadExecutor(name: "kernel")
        let kernel = SimulatedKernel(executor: executor, clock: SystemClock(), spawner: SystemSpawner())
        try await kernel.makeDirectory("old")
        let deaths = Deaths()
        try await Self.live(
            MortalGadgetTree(kernel, last: last, counting: counting) { deaths.note($0) })
        let counted = counting == .start ? Self.changes : Array(Self.changes.dropFirst())
        #expect(deaths.all == (last <= counted.count ? [counted[last - 1]] : []))
        await kernel.shutDown()
        executor.stop()
    }

    @Test func `a change that is refused does not count`() async throws {
        let executor = ThreadExecutor(name: "kernel")
        let kernel = SimulatedKernel(executor: executor, clock: SystemClock(), spawner: SystemSpawner())
        let deaths = Deaths()
        let tree = MortalGadgetTree(kernel, last: 1, counting: .start) { deaths.note($0) }
        await #expect(throws: SystemError.self) { try await tree.removeDirectory("absent") }
        await #expect(throws: SystemError.self) { try await tree.write("1", to: "absent/UDC") }
        #expect(deaths.all.isEmpty)
        try await tree.makeDirectory("g1")
        #expect(deaths.all == ["mkdir g1"])
        await kernel.shutDown()
        executor.stop()
    }
}
