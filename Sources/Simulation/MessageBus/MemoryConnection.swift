package import DBusProtocol
import Synchronization

extension MessageBus {
    /// Connects in memory: the same bytes as on a socket, no socket. Descriptors are handed over as
    /// they are, and closed with the last reference.
    ///
    /// - Parameter credentials: what the bus will say of this connection.
    package func connect(_ credentials: PeerCredentials) async throws(BusError) -> WiredBusConnection {
        let transport = MemoryTransport(bus: self)
        let connection = WiredBusConnection(transport: transport, canPassDescriptors: true)
        transport.attach(MemorySink(bus: self, connection: connection), credentials)
        try await connection.hello()
        return connection
    }
}

/// From a program to the bus.
private final class MemoryTransport: PacketTransport {
    private let bus: MessageBus
    private let attachment = Mutex<ConnectionID?>(nil)

    init(bus: MessageBus) { self.bus = bus }

    func attach(_ sink: MemorySink, _ credentials: PeerCredentials) {
        let id = bus.attach(sink, credentials: credentials, canPassDescriptors: true)
        sink.number.withLock { $0 = id }
        attachment.withLock { $0 = id }
    }

    func transmit(_ packet: Packet) {
        guard let id = attachment.withLock({ $0 }) else { return }
        bus.receive(packet.bytes, descriptors: packet.descriptors, from: id)
    }

    func close() {
        let id = attachment.withLock { attachment in
            defer { attachment = nil }
            return attachment
        }
        if let id { bus.disconnected(id) }
    }
}

/// From the bus to a program; it does not keep the program's connection alive.
private final class MemorySink: BusSink {
    let number = Mutex<ConnectionID?>(nil)
    private let bus: MessageBus
    private let connection: Mutex<Weak>

    private struct Weak {
        weak var connection: WiredBusConnection?
    }

    init(bus: MessageBus, connection: WiredBusConnection) {
        self.bus = bus
        self.connection = Mutex(Weak(connection: connection))
    }

    func deliver(_ packet: Packet, from sender: ConnectionID?) {
        if let id = number.withLock({ $0 }) { bus.delivered(packet.bytes.count, to: id) }
        connection.withLock { $0.connection }?.received(packet.bytes, descriptors: packet.descriptors)
    }

    func finish() { connection.withLock { $0.connection }?.end() }
}
