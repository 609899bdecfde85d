package import BlockStorage
package import NBDProtocol
internal import WireFormat

/// One client from greeting to end, on a thread of its own.
final class Connection: Sendable {
    let socket: ConnectedSocket
    private let store: any BlockStore
    private let export: Export
    private let limits: ServerLimits

    init(_ socket: ConnectedSocket, store: any BlockStore, export: Export, limits: ServerLimits) {
        self.socket = socket
        self.store = store
        self.export = export
        self.limits = limits
    }

    /// Returns when the connection is over; nothing of it is left then but the socket itself.
    func run() -> ConnectionEnd {
        switch shakeHands() {
        case .failure(let end): return end.reason
        case .success(let (negotiated, leftover)):
            let input = RequestInput(leftover: leftover)
            if let direct = store.directAccess {
                var loop = DirectLoop(socket, direct, negotiated, input)
                return loop.run()
            }
            return AsyncLoop(socket, store, negotiated, limits, input).run()
        }
    }

    private struct Ended: Error {
        let reason: ConnectionEnd
        init(_ reason: ConnectionEnd) { self.reason = reason }
    }

    private func shakeHands() -> Result<(Negotiated, Bytes), Ended> {
        var handshake = ServerHandshake(exports: [export])
        guard socket.send(ServerHandshake.greeting) else { return .failure(Ended(.hungUp)) }
        let deadline = monotonicMilliseconds() + limits.handshakeMilliseconds
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            guard socket.waitReadable(until: deadline) else {
                return .failure(
                    Ended(.dropped("no end of the handshake in \(limits.handshakeMilliseconds) ms")))
            }
            let count = buffer.withUnsafeMutableBytes { socket.receive($0.baseAddress!, $0.count) }
            guard count > 0 else { return .failure(Ended(.hungUp)) }
            for action in handshake.receive(buffer[..<count]) {
                switch action {
                case .send(let bytes):
                    guard socket.send(bytes) else { return .failure(Ended(.hungUp)) }
                case .transmit(let negotiated, let leftover): return .success((negotiated, leftover))
                case .close(let reason): return .failure(Ended(ConnectionEnd(handshakeClosed: reason)))
                }
            }
        }
    }
}

extension Export {
    /// What a store can do, in the protocol's words.
    package init(of store: any BlockStore, named name: String, limits: ServerLimits) {
        var flags: TransmissionFlags = [.hasFlags, .sendCache]
        let can = store.capabilities
        if can.contains(.flush) { flags.insert(.sendFlush) }
        if can.contains(.multiConnect) { flags.insert(.canMultiConnect) }
        if store.isReadOnly {
            flags.insert(.isReadOnly)
        } else {
            if can.contains(.flush) { flags.insert(.sendForceUnitAccess) }
            if can.contains(.trim) { flags.insert(.sendTrim) }
            if can.contains(.writeZeroes) { flags.insert(.sendWriteZeroes) }
            if can.isSuperset(of: [.writeZeroes, .fastZero]) { flags.insert(.sendFastZero) }
        }
        self.init(name: name, byteCount: store.byteCount, flags: flags)
        maximumPayloadBytes = limits.maximumPayloadBytes
    }
}
