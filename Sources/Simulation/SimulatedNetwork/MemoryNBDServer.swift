package import BlockStorage
import FaultPoints
import NBDProtocol
package import NBDServer
import Synchronization
package import VirtualMedia

/// An NBD server in memory: what a browser, `mediarig serve` or a slot's own server is to the BMC.
///
/// It can be killed at any moment, as a process can, and started again.
package final class MemoryNBDServer: Sendable {
    private struct State {
        var connections: [Int: ServedConnection] = [:]
        var nextConnection = 0
        var listener: MemoryListener?
        /// Connections that faults keep from being served.
        var unserved: [MemoryChannel] = []
        var ends: [ConnectionEnd] = []
        var isStopped = false
    }

    private let service: ServedConnection.Service
    private let state = Mutex(State())
    private let tasks: SpawnedTasks

    /// - Parameters:
    ///   - store: stays open when the server stops.
    ///   - target: names it in faults and tasks: its path, its slot.
    package init(
        store: any BlockStore, exportName: String = "", target: String, slot: String? = nil,
        limits: ServerLimits = ServerLimits(), in surroundings: NetworkSurroundings
    ) {
        // A faulty store remembers by itself, and what is never written has no past.
        let mayNeedPast = !(surroundings.faults is NoFaults) && !store.isReadOnly && !(store is FaultyStore)
        let earlier = mayNeedPast ? EarlierBytes() : nil
        service = ServedConnection.Service(
            store: store, export: Export(of: store, named: exportName, limits: limits), limits: limits,
            target: target, slot: slot, surroundings: surroundings, earlier: earlier)
        tasks = SpawnedTasks(surroundings.spawner)
    }

    package var connectionCount: Int { state.withLock { $0.connections.count } }
    /// How each connection ended so far, in that order.
    package var ends: [ConnectionEnd] { state.withLock { $0.ends } }
    package var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Listens at a path, also again after it was stopped or killed.
    package func start(
        at path: String, on sockets: MemorySockets, options: MemoryLink.Options = MemoryLink.Options()
    ) throws(SystemError) {
        let listener = try sockets.listen(at: path, slot: service.slot, options: options)
        state.withLock { state in
            precondition(state.listener == nil, "\(path): the server listens already")
            state.listener = listener
            state.isStopped = false
        }
        tasks.spawn("nbd \(service.target) accept") { [self] in
            while let channel = await listener.accept() {
                if !serve(channel) { channel.close() }
            }
        }
    }

    /// Serves a connection.
    ///
    /// - Returns: false when the server has stopped, or has its limit of connections.
    package func serve(_ channel: MemoryChannel) -> Bool {
        let added = state.withLock { state -> (Int, ServedConnection)? in
            guard !state.isStopped, state.connections.count < service.limits.maximumConnections else {
                return nil
            }
            let number = state.nextConnection
            state.nextConnection += 1
            let connection = ServedConnection(service, channel: channel)
            state.connections[number] = connection
            return (number, connection)
        }
        guard let (number, connection) = added else { return false }
        tasks.spawn("nbd \(service.target) \(channel.link.number)") { [self] in
            var end = await withTaskCancellationHandler {
                await connection.run()
            } onCancel: {
                connection.abort()
            }
            state.withLock { state in
                if end == .hungUp, state.isStopped { end = .stopped }
                state.connections[number] = nil
                state.ends.append(end)
            }
        }
        return true
    }

    /// Keeps a connection that nobody serves, until the server ends.
    func keepUnserved(_ channel: MemoryChannel) { state.withLock { $0.unserved.append(channel) } }

    /// Serves it after all, if the server has not ended meanwhile.
    func serveKept(_ channel: MemoryChannel) {
        let isKept = state.withLock { state in
            let index = state.unserved.firstIndex { $0 === channel }
            if let index { state.unserved.remove(at: index) }
            return index != nil
        }
        if isKept, !serve(channel) { channel.close() }
    }

    // MARK: Ending

    /// As SIGTERM: answers what was received, for at most ``ServerLimits/drainMilliseconds``, and waits
    /// until the store is no longer used.
    package func stop() async {
        let (listener, connections) = end()
        listener?.close()
        for connection in connections { connection.stopReceiving() }
        let clock = service.surroundings.clock
        let deadline = clock.now + .milliseconds(service.limits.drainMilliseconds)
        let limit = service.surroundings.spawner.spawn("nbd \(service.target) drain limit", .shared) {
            do { try await clock.sleep(until: deadline) } catch { return }
            for connection in connections { connection.abort() }
        }
        await tasks.allEnded()
        limit.cancel()
        await limit.finished()
    }

    /// As SIGKILL: every connection ends where it is, and the path stays behind and refuses.
    package func kill() {
        let (listener, connections) = end()
        listener?.close(leavesFile: true)
        for connection in connections { connection.abort() }
    }

    /// The way to the clients is lost; the server goes on listening.
    ///
    /// - Parameter inDisorder: by a reset instead of the end of the stream.
    package func loseConnections(inDisorder: Bool = false) {
        let connections = state.withLock { state in
            state.connections.sorted { $0.key < $1.key }.map(\.value)
        }
        for connection in connections { inDisorder ? connection.reset() : connection.abort() }
    }

    private func end() -> (MemoryListener?, [ServedConnection]) {
        let (listener, connections, unserved) = state.withLock { state in
            state.isStopped = true
            defer { state.unserved = [] }
            return (
                state.listener.take(), state.connections.sorted { $0.key < $1.key }.map(\.value),
                state.unserved
            )
        }
        for channel in unserved { channel.close() }
        return (listener, connections)
    }
}
