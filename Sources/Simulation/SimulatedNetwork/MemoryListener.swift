package import FaultPoints
import Glibc
import Synchronization
package import VirtualMedia

/// A listening socket in memory.
package final class MemoryListener: Sendable {
    /// SOMAXCONN would be more; servers of one client ask for little.
    package static let usualBacklog = 64

    private struct State {
        /// Connected, and not yet accepted.
        var waiting: [MemoryChannel] = []
        /// Connections that nobody will ever accept; kept so that their clients hear nothing.
        var forgotten: [MemoryChannel] = []
        var acceptors: [CheckedContinuation<Void, Never>] = []
        var isClosed = false
    }

    package let path: String
    private let slot: String?
    private let backlog: Int
    private let options: MemoryLink.Options
    private let state = Mutex(State())
    private let wasClosed = Mutex<@Sendable (_ leavesFile: Bool) -> Void>({ _ in })

    init(path: String, slot: String?, backlog: Int, options: MemoryLink.Options) {
        precondition(backlog > 0, "a backlog of \(backlog)")
        self.path = path
        self.slot = slot
        self.backlog = backlog
        self.options = options
    }

    func onClose(_ action: @escaping @Sendable (_ leavesFile: Bool) -> Void) {
        wasClosed.withLock { $0 = action }
    }

    /// - Returns: the next connection; `nil` once closed.
    package func accept() async -> MemoryChannel? {
        while true {
            let (channel, isClosed) = state.withLock { state in
                (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), state.isClosed)
            }
            if channel != nil || isClosed { return channel }
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    let mustWait = state.waiting.isEmpty && !state.isClosed
                    if mustWait { state.acceptors.append(continuation) }
                    return mustWait
                }
                if !mustWait { continuation.resume() }
            }
        }
    }

    /// Stops listening; connections not yet accepted end.
    ///
    /// - Parameter leavesFile: as a server does that is killed: the path stays, and refuses.
    package func close(leavesFile: Bool = false) {
        let (isFirst, channels, acceptors) = state.withLock { state in
            defer {
                state = State()
                state.isClosed = true
            }
            return (!state.isClosed, state.waiting + state.forgotten, state.acceptors)
        }
        guard isFirst else { return }
        wasClosed.withLock { $0 }(leavesFile)
        for channel in channels { channel.close() }
        for acceptor in acceptors { acceptor.resume() }
    }

    func connect(number: Int, _ surroundings: NetworkSurroundings, _ operation: String)
        async throws(SystemError) -> MemoryChannel
    {
        let fate = try await ConnectFaults.meet(path, number, slot: slot, surroundings, operation)
        let (client, server) = MemoryLink.connect(
            path, number: number, slot: slot, options: options, in: surroundings)
        try state.withLock { state throws(SystemError) in
            // A full backlog is EAGAIN of a socket that does not wait: nobody takes the connection.
            guard !state.isClosed, state.waiting.count < backlog else {
                throw SystemError(ECONNREFUSED, operation)
            }
            if case .accept = fate { state.waiting.append(server) } else { state.forgotten.append(server) }
        }
        if case .acceptLater(let hold) = fate {
            hold.whenReleased { [weak self] in self?.recall(server) }
        }
        wakeAcceptor()
        return client
    }

    private func recall(_ channel: MemoryChannel) {
        state.withLock { state in
            guard let index = state.forgotten.firstIndex(where: { $0 === channel }) else { return }
            state.waiting.append(state.forgotten.remove(at: index))
        }
        wakeAcceptor()
    }

    private func wakeAcceptor() {
        state.withLock { $0.acceptors.isEmpty ? nil : $0.acceptors.removeFirst() }?.resume()
    }
}

/// What faults do to a connect.
package enum ConnectFaults {
    package enum Fate: Sendable {
        case accept
        /// Connected, but nobody serves it until then.
        case acceptLater(FaultHold)
        /// Connected, and never served.
        case forget
    }

    package static func meet(
        _ target: String, _ number: Int, slot: String?, _ surroundings: NetworkSurroundings,
        _ operation: String
    ) async throws(SystemError) -> Fate {
        let occasion = FaultOccasion(
            .nbdSocket, "connect", on: target, slot: slot, connection: number, at: surroundings.clock.now)
        var fate = Fate.accept
        for action in surroundings.faults.met(occasion) {
            switch action {
            case .delay(let span): try? await surroundings.clock.sleep(until: surroundings.clock.now + span)
            case .fail(let errno): throw SystemError(errno, operation)
            case .hold(let hold): fate = .acceptLater(hold)
            case .drop: fate = .forget
            default: preconditionFailure("\(action) is nothing that a connect can suffer")
            }
        }
        return fate
    }
}
