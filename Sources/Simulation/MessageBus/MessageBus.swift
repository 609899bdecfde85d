package import DBusProtocol
import Synchronization

/// Takes what the bus sends to one connection. Called from one place at a time, in order, without any
/// lock of the bus held.
package protocol BusSink: Sendable {
    /// - Parameter sender: whose message it is; `nil` for the bus's own.
    func deliver(_ packet: Packet, from sender: ConnectionID?)
    /// Nothing more will come; the transport may hang up once it has sent what it has.
    func finish()
}

/// A running bus: ``BusCore`` behind a lock, with any mix of connections in memory and on sockets.
/// It starts no task and no thread of its own.
package final class MessageBus: Sendable {
    /// Calls back after a while, on any thread; at once is allowed where time does not pass.
    package typealias Scheduler =
        @Sendable (_ after: Duration, _ action: @escaping @Sendable () -> Void) -> Void

    private struct State {
        var core: BusCore
        var sinks: [ConnectionID: any BusSink] = [:]
        /// Effects in the order in which the core gave them.
        var outbox: [BusCore.Effect] = []
        var isDelivering = false
        var scheduler: Scheduler?
    }

    private let state: Mutex<State>
    /// 32 hexadecimal digits naming this bus; part of its address and of its OK.
    package let guid: String
    package let limits: BusLimits

    /// - Parameter scheduler: for delays and timeouts; without one, a socket server brings its own.
    package init(_ core: BusCore, scheduler: Scheduler? = nil) {
        guid = core.guid
        limits = core.limits
        state = Mutex(State(core: core, scheduler: scheduler))
    }

    /// See ``BusCore/restart()``.
    package func restart() { step { $0.restart() } }

    /// Hangs up on whoever owns a name, as if the line to it broke.
    package func cut(_ name: String) { step { $0.cut(name) } }

    /// Sets what is asked about every message from here on.
    package func intercept(_ interceptor: BusCore.Interceptor?) {
        state.withLock { $0.core.interceptor = interceptor }
    }

    /// Used by a socket server, whose loop can tell the time.
    package func offerScheduler(_ scheduler: @escaping Scheduler) {
        state.withLock { if $0.scheduler == nil { $0.scheduler = scheduler } }
    }

    package func attach(
        _ sink: any BusSink, credentials: PeerCredentials, canPassDescriptors: Bool
    ) -> ConnectionID {
        state.withLock { state in
            let id = state.core.connect(credentials, canPassDescriptors: canPassDescriptors)
            state.sinks[id] = sink
            return id
        }
    }

    package func receive(
        _ bytes: some Collection<UInt8> & Sendable, descriptors: [PassedDescriptor] = [],
        from id: ConnectionID
    ) {
        step { $0.receive(bytes, descriptors: descriptors, from: id) }
    }

    package func disconnected(_ id: ConnectionID) {
        state.withLock { _ = $0.sinks.removeValue(forKey: id) }
        step { $0.disconnected(id) }
    }

    /// The transport has handed that many bytes to the peer.
    package func delivered(_ byteCount: Int, to id: ConnectionID) {
        state.withLock { $0.core.delivered(byteCount, to: id) }
    }

    private func step(_ advance: (inout BusCore) -> [BusCore.Effect]) {
        let isFirst = state.withLock { state in
            state.outbox += advance(&state.core)
            defer { state.isDelivering = true }
            return !state.isDelivering
        }
        // Whoever is delivering already takes these along, so that the order is kept.
        guard isFirst else { return }
        while let batch = nextBatch() { for effect in batch { carryOut(effect) } }
    }

    private func nextBatch() -> [BusCore.Effect]? {
        state.withLock { state in
            guard !state.outbox.isEmpty else {
                state.isDelivering = false
                return nil
            }
            defer { state.outbox = [] }
            return state.outbox
        }
    }

    private func carryOut(_ effect: BusCore.Effect) {
        switch effect {
        case .send(let id, let packet, let sender):
            let sink = state.withLock { $0.sinks[id] }
            sink?.deliver(packet, from: sender)
        case .close(let id):
            let sink = state.withLock { $0.sinks.removeValue(forKey: id) }
            sink?.finish()
        case .wake(let duration, let ticket):
            // Without a clock nothing ever comes due, which is what a bus without timeouts does.
            let scheduler = state.withLock { $0.scheduler }
            scheduler?(duration) { [weak self] in self?.step { $0.alarm(ticket) } }
        case .await(let hold, let ticket):
            hold.whenReleased { [weak self] in self?.step { $0.alarm(ticket) } }
        }
    }
}
