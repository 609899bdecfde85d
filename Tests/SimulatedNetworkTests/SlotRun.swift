import BlockStorage
import FaultPoints
import SimulatedBMC
import SimulatedTime
import Synchronization
import Testing
import VirtualMedia

@testable import SimulatedNetwork

/// A slot of the service on a simulated kernel, with a client's NBD server at its socket.
struct SlotRun: Sendable {
    static let path = "/run/slot.sock"

    let run: NetworkRun
    let kernel: SimulatedKernel
    let sockets: MemorySockets
    let exports: MemoryExportServer
    let server: MemoryNBDServer
    let slot: Slot
    private let notices: Notices

    private final class Notices: Sendable {
        let list = Mutex<[SlotNotice]>([])
    }

    private struct Images: ImageOpener {
        let store: any BlockStore
        func open(_ request: ImageRequest) async throws(ImageError) -> any BlockStore { store }
    }

    static func run<Result: Sendable>(
        _ mode: SlotMode = .proxy, store: any BlockStore, faults: any FaultInjector = NoFaults(),
        _ body: @escaping @Sendable (SlotRun) async throws -> Result
    ) throws -> Result {
        try NetworkRun.run(faults: faults) { run async throws in
            let all = try SlotRun(run, mode, store)
            let result = try await body(all)
            await all.slot.shutDown()
            await all.server.stop()
            await all.kernel.shutDown()
            return result
        }
    }

    private init(_ run: NetworkRun, _ mode: SlotMode, _ store: any BlockStore) throws {
        let simulation = run.simulation
        self.run = run
        kernel = SimulatedKernel(
            executor: simulation.executor, clock: simulation.clock, spawner: simulation.spawner)
        sockets = MemorySockets(run.surroundings)
        exports = MemoryExportServer(run.surroundings)
        server = MemoryNBDServer(store: store, target: Self.path, slot: "Slot_0", in: run.surroundings)
        try server.start(at: Self.path, on: sockets)
        var configuration = SlotConfiguration(name: "Slot_0", mode: mode, device: "nbd0")
        configuration.socket = Self.path
        let notices = Notices()
        self.notices = notices
        let platform = MediaPlatform(
            gadgets: kernel, controllers: kernel, nbd: kernel, uevents: kernel, sockets: sockets,
            exports: exports, images: Images(store: store), clock: simulation.clock,
            spawner: simulation.spawner)
        slot = Slot(configuration, on: platform, sharing: ControllerPool()) { notice in
            notices.list.withLock { $0.append(notice) }
        }
    }

    var completions: [CompletionCode] {
        notices.list.withLock { notices in
            notices.compactMap { if case .completion(_, let code) = $0 { code } else { nil } }
        }
    }

    /// Each state that was reported, in order.
    var states: [SlotMachine.State] {
        notices.list.withLock { notices in
            var states: [SlotMachine.State] = []
            for case .report(let report) in notices where states.last != report.state {
                states.append(report.state)
            }
            return states
        }
    }

    func until(_ what: String, within limit: Duration = .seconds(300), _ condition: () async -> Bool)
        async throws
    {
        let deadline = run.now + limit
        while await !condition() {
            try #require(run.now < deadline, "\(what): still waiting after \(limit), \(completions)")
            try await run.simulation.clock.sleep(for: .milliseconds(100))
        }
    }

    /// - Returns: the code of the completion.
    func mount(isReadWrite: Bool = false) async throws -> CompletionCode {
        let count = completions.count
        try await slot.mount(
            MountRequest(imageURL: "https://images/a.img", isReadWrite: isReadWrite, kind: .disk))
        try await until("mount") { completions.count > count }
        return completions[count]
    }

    func unmount() async throws -> CompletionCode {
        let count = completions.count
        try await slot.unmount()
        try await until("unmount") { completions.count > count }
        return completions[count]
    }

    func read(_ byteCount: Int, at offset: UInt64) async -> [UInt8]? {
        try? await kernel.read(byteCount, at: offset, from: "nbd0")
    }

    func expectNothingLeft() async throws {
        #expect(try await kernel.list("").isEmpty)
        #expect(try await !kernel.status(of: "nbd0").isAttached)
        #expect(exports.running.isEmpty)
        try await until("connections end") { server.connectionCount == 0 }
    }
}
