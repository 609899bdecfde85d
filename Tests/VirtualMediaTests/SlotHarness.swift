import SimulatedBMC
import SimulatedTime
import Synchronization
import Testing
import VirtualMedia

/// One slot in a fake world, with what it said.
final class SlotHarness: Sendable {
    let world: FakeWorld
    let slot: Slot

    init(
        _ simulation: Simulation, _ mode: SlotMode = .legacy, world: FakeWorld? = nil,
        name: String = "Slot_0",
        device: String = "nbd0", sharing controllers: ControllerPool = ControllerPool(),
        kernel: SimulatedKernel? = nil,
        configure: (inout SlotConfiguration) -> Void = { _ in }
    ) {
        let world = world ?? FakeWorld(simulation)
        var configuration = SlotConfiguration(name: name, mode: mode, device: device)
        configuration.socket = "/run/\(name).sock"
        configure(&configuration)
        self.world = world
        let sink = Sink()
        var platform = world.platform
        if let kernel {
            platform.gadgets = kernel
            platform.controllers = kernel
            platform.nbd = kernel
            platform.uevents = kernel
        }
        slot = Slot(configuration, on: platform, sharing: controllers) { sink.take($0) }
        self.sink = sink
    }

    private let sink: Sink
    private final class Sink: Sendable {
        let notices = Mutex<[SlotNotice]>([])
        func take(_ notice: SlotNotice) { notices.withLock { $0.append(notice) } }
    }

    var completions: [CompletionCode] {
        sink.notices.withLock { notices in
            notices.compactMap { notice in
                if case .completion(_, let code) = notice { code } else { nil }
            }
        }
    }

    var states: [SlotMachine.State] {
        sink.notices.withLock { notices in
            var states: [SlotMachine.State] = []
            for case .report(let report) in notices where states.last != report.state {
                states.append(report.state)
            }
            return states
        }
    }

    static let request = MountRequest(imageURL: "https://images/a.iso", isReadWrite: false, kind: .disk)

    func mount(_ request: MountRequest = SlotHarness.request) async throws {
        try await slot.mount(request)
    }

    /// Waits, in virtual time, until `condition` holds.
    func until(
        within limit: Duration = .seconds(300), _ condition: () async -> Bool
    ) async throws {
        let clock = world.simulation.clock
        let deadline = clock.now + limit
        while await !condition() {
            try #require(clock.now < deadline, "still waiting after \(limit): \(completions) \(states)")
            try await clock.sleep(for: .milliseconds(100))
        }
    }

    func untilCompletions(_ count: Int) async throws { try await until { self.completions.count >= count } }

    func untilState(_ state: SlotMachine.State) async throws {
        try await until { await self.slot.report.state == state }
    }

    /// Mounts and waits for the answer and the first look.
    func mounted(_ request: MountRequest = SlotHarness.request) async throws {
        try await mount(request)
        try await untilState(.active)
        try await world.simulation.clock.sleep(for: .milliseconds(100))
    }
}
