import FaultPoints
import LinuxPlatform
import Scenarios
import SimulatedNetwork
import SimulatedTime
import Synchronization
import VirtualMedia

/// The way between the service and NBD servers. Where a scenario has faults there, or lets a server stand still,
/// servers that can do so stand in for the real ones, over the same sockets: see ``EmulatedCapabilities``.
final class NBDPassage: Sendable {
    private struct State {
        /// By path: what becomes of the connections that the client has not been told of yet, in their order.
        var fates: [String: [ConnectFaults.Fate]] = [:]
        var counts: [String: Int] = [:]
    }

    /// Whether servers are stand-ins.
    let isFaulty: Bool
    let surroundings: NetworkSurroundings
    private let slotOfPath: [String: String]
    private let state = Mutex(State())

    init(
        _ scenario: Scenario, _ configuration: MediaConfiguration, seed: UInt64, faults: any FaultInjector,
        clock: any MediaClock, spawner: any Spawner
    ) {
        isFaulty = EmulatedCapabilities.needsFaultyServers(scenario)
        surroundings = NetworkSurroundings(
            clock: clock, spawner: spawner, random: RandomStreams(seed: seed), faults: faults)
        slotOfPath = Dictionary(
            configuration.slots.filter { $0.mode == .proxy }.map { ($0.socket, $0.name) }
        ) { $1 }
    }

    /// As a process with that spawner goes it.
    func surroundings(of spawner: any Spawner) -> NetworkSurroundings {
        var own = surroundings
        own.spawner = spawner
        return own
    }

    func connect(to path: String) async throws(SystemError) -> any ByteChannel {
        guard isFaulty else { return try await SystemSockets().connect(to: path) }
        let fate = try await ConnectFaults.meet(
            path, nextNumber(path), slot: slotOfPath[path], surroundings, "connect to socket \(path)")
        // Before the client can know of the connection.
        state.withLock { $0.fates[path, default: []].append(fate) }
        do throws(SystemError) { return try await SystemSockets().connect(to: path) } catch {
            state.withLock { _ = $0.fates[path]?.popLast() }
            throw error
        }
    }

    /// What the client at a path does with the next connection.
    func nextFate(at path: String) -> ConnectFaults.Fate {
        state.withLock { state in
            guard let fates = state.fates[path], !fates.isEmpty else { return .accept }
            return state.fates[path]!.removeFirst()
        }
    }

    func nextNumber(_ name: String) -> Int {
        state.withLock { state in
            defer { state.counts[name, default: 0] += 1 }
            return state.counts[name, default: 0]
        }
    }
}
