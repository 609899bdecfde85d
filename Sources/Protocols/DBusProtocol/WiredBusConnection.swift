import Synchronization

/// Carries marshalled messages to a bus, in the order given. It reports what comes back, and the end,
/// to the ``WiredBusConnection`` that it was made for.
package protocol PacketTransport: Sendable {
    /// Never waits for the peer.
    func transmit(_ packet: Packet)
    func close()
}

/// A bus connection over any transport: in memory or a socket. It starts no task and no thread, so
/// that it runs on whichever executor its callers do.
package final class WiredBusConnection: BusConnection, Sendable {
    private typealias Waiter = CheckedContinuation<Result<Message, BusError>, Never>

    /// The serial of a call, known once it is numbered; a cancellation may come before.
    private final class Ticket: Sendable {
        let serial = Mutex<UInt32?>(nil)
    }

    private struct State {
        var session: ClientSession
        var waiters: [UInt32: Waiter] = [:]
        var outgoing: [Packet] = []
        var isTransmitting = false
        var uniqueName = ""
        var hasEnded = false
    }

    /// Incoming calls and signals that may wait for the program; more, and the connection ends.
    package static let incomingMessages = 65_536

    package let incoming: AsyncStream<Message>
    private let continuation: AsyncStream<Message>.Continuation
    private let transport: any PacketTransport
    private let state: Mutex<State>

    package var uniqueName: String { state.withLock { $0.uniqueName } }

    package init(transport: any PacketTransport, canPassDescriptors: Bool) {
        self.transport = transport
        state = Mutex(State(session: ClientSession(canPassDescriptors: canPassDescriptors)))
        (incoming, continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(Self.incomingMessages))
    }

    deinit { transport.close() }

    /// The first call on every bus; it yields ``uniqueName``.
    package func hello() async throws(BusError) {
        let reply = try await call(
            .methodCall(
                destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus,
                member: "Hello"))
        guard case .string(let name)? = reply.body.first else {
            throw BusError(ErrorName.failed, "Hello was answered without a name")
        }
        state.withLock { $0.uniqueName = name }
    }

    package func call(_ message: Message) async throws(BusError) -> Message {
        let ticket = Ticket()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in register(message, waiter, ticket) }
        } onCancel: {
            if let serial = ticket.serial.withLock({ $0 }) { abandon(serial) }
        }
        let reply = try result.get()
        if let error = reply.busError { throw error }
        return reply
    }

    package func send(_ message: Message) async throws(BusError) {
        let failure: BusError? = state.withLock { state in
            guard !state.hasEnded else { return Self.disconnected }
            do throws(BusError) {
                state.outgoing.append(try state.session.send(message, awaitsReply: false).packet)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
        transmitQueued()
    }

    package func close() async { end() }

    /// The transport delivers bytes, and descriptors with the first of them. One caller at a time.
    package func received(_ bytes: some Collection<UInt8>, descriptors: [PassedDescriptor] = []) {
        let deliveries: [(Waiter?, Message)]? = state.withLock { state in
            guard let events = try? state.session.receive(bytes, descriptors: descriptors) else {
                return nil
            }
            return events.map { event in
                switch event {
                case .reply(let serial, let message): (state.waiters.removeValue(forKey: serial), message)
                case .incoming(let message): (nil, message)
                }
            }
        }
        // A bus that breaks the protocol cannot be talked to any further.
        guard let deliveries else { return end() }
        for (waiter, message) in deliveries {
            if let waiter {
                waiter.resume(returning: .success(message))
            } else if message.kind == .methodCall || message.kind == .signal {
                if case .dropped = continuation.yield(message) { return end() }
            }
        }
    }

    /// The transport has ended, or is to end: every waiting call fails, ``incoming`` finishes.
    package func end() {
        let waiters: [Waiter]? = state.withLock { state in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            state.outgoing = []
            defer { state.waiters = [:] }
            return state.waiters.sorted { $0.key < $1.key }.map(\.value)
        }
        guard let waiters else { return }
        transport.close()
        for waiter in waiters { waiter.resume(returning: .failure(Self.disconnected)) }
        continuation.finish()
    }

    private func register(_ message: Message, _ waiter: Waiter, _ ticket: Ticket) {
        let failure: BusError? = state.withLock { state in
            guard !state.hasEnded else { return Self.disconnected }
            do throws(BusError) {
                let (serial, packet) = try state.session.send(message, awaitsReply: true)
                state.waiters[serial] = waiter
                state.outgoing.append(packet)
                ticket.serial.withLock { $0 = serial }
                return nil
            } catch {
                return error
            }
        }
        if let failure { return waiter.resume(returning: .failure(failure)) }
        if Task.isCancelled, let serial = ticket.serial.withLock({ $0 }) { abandon(serial) }
        transmitQueued()
    }

    private func abandon(_ serial: UInt32) {
        let waiter = state.withLock { state in
            state.session.forget(serial)
            return state.waiters.removeValue(forKey: serial)
        }
        waiter?.resume(returning: .failure(BusError(ErrorName.noReply, "The call was cancelled")))
    }

    /// Whoever finds nobody transmitting transmits for all, outside the lock: in memory the answer
    /// comes back on the same stack.
    private func transmitQueued() {
        let isFirst = state.withLock { state in
            defer { state.isTransmitting = true }
            return !state.isTransmitting
        }
        guard isFirst else { return }
        while let packet = nextToTransmit() { transport.transmit(packet) }
    }

    private func nextToTransmit() -> Packet? {
        state.withLock { state in
            if state.outgoing.isEmpty {
                state.isTransmitting = false
                return nil
            }
            return state.outgoing.removeFirst()
        }
    }

    private static let disconnected = BusError(ErrorName.disconnected, "The connection to the bus is closed")
}
