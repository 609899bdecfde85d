import Glibc
import NBDProtocol
import Synchronization
import VirtualMedia
import WireFormat

/// A connection to a server that shakes hands, or does not, and then is only counted.
final class FakeChannel: ByteChannel {
    fileprivate struct State {
        var handshake: ServerHandshake?
        var inbound: [UInt8] = []
        var isInTransmission = false
        var requests: Bytes = []
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?
        var written: [Range<UInt64>] = []
    }
    private let state = Mutex(State())
    private let world: FakeWorld

    init(world: FakeWorld) {
        self.world = world
        let (server, byteCount, isReadOnly, allowsSeveral) = world.state.withLock { world in
            world.openChannels += 1
            return (world.server, world.imageBytes, world.isImageReadOnly, world.allowsSeveralConnections)
        }
        state.withLock { state in
            switch server {
            case .silent: break
            case .hangsUp: state.isClosed = true
            case .nonsense: state.inbound = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
            case .healthy:
                var flags: TransmissionFlags = [.hasFlags, .sendFlush]
                if isReadOnly { flags.insert(.isReadOnly) }
                if allowsSeveral { flags.insert(.canMultiConnect) }
                let export = Export(name: "", byteCount: byteCount, flags: flags)
                state.handshake = ServerHandshake(exports: [export])
                state.inbound = ServerHandshake.greeting
            }
        }
        world.state.withLock { $0.channels.append(self) }
        if server == .hangsUp { world.state.withLock { $0.openChannels -= 1 } }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func read(into buffer: UnsafeMutableRawBufferPointer) async throws(SystemError) -> Int {
        while true {
            let count: Int? = state.withLock { state in
                guard !state.inbound.isEmpty else { return state.isClosed ? 0 : nil }
                // A handshake comes a few bytes at a time, as a network may have it.
                let limit = state.isInTransmission ? buffer.count : min(7, buffer.count)
                let portion = state.inbound.prefix(limit)
                buffer.copyBytes(from: portion)
                state.inbound.removeFirst(portion.count)
                return portion.count
            }
            if let count { return count }
            await withCheckedContinuation { continuation in
                state.withLock { $0.waiter = continuation }
            }
        }
    }

    func write(_ bytes: Bytes) async throws(SystemError) {
        let isStalled = world.state.withLock { $0.isServerStalled }
        let isClosed = state.withLock { state in
            state.isInTransmission
                ? state.serve(bytes, isStalled: isStalled) : state.shakeHands(bytes)
            return state.isClosed
        }
        let written = state.withLock { state in
            defer { state.written = [] }
            return state.written
        }
        if !written.isEmpty { world.state.withLock { $0.writtenRanges += written } }
        if isClosed { throw SystemError(EPIPE, "send") }
        wake()
    }

    func close() {
        let wasOpen = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        if wasOpen { world.state.withLock { $0.openChannels -= 1 } }
        wake()
    }

    private func wake() {
        state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }?.resume()
    }
}

extension FakeChannel.State {
    fileprivate mutating func shakeHands(_ bytes: Bytes) {
        for action in handshake?.receive(bytes) ?? [] {
            switch action {
            case .send(let reply): inbound += reply
            case .transmit(_, let leftover):
                isInTransmission = true
                requests = leftover
            case .close: break
            }
        }
    }

    /// A medium full of zeroes that forgets what is written.
    fileprivate mutating func serve(_ bytes: Bytes, isStalled: Bool) {
        requests += bytes
        while let request = try? next(), !isStalled {
            if request.command == .disconnect { continue }
            if request.command == .write {
                written.append(request.offset..<request.offset + UInt64(request.length))
            }
            SimpleReply(error: 0, cookie: request.cookie).encode(into: &inbound)
            if request.command == .read { inbound += [UInt8](repeating: 0, count: Int(request.length)) }
        }
    }

    private mutating func next() throws -> Request? {
        var rest = requests
        guard let request = try Request.decode(from: &rest) else { return nil }
        if request.command == .write, rest.take(Int(request.length)) == nil { return nil }
        requests = rest
        return request
    }
}
