import Glibc
import NBDProtocol
import Synchronization
import VirtualMedia
import WireFormat

/// A connection to a server that shakes hands, or does not, and then is only counted.
final class FakeChannel: ByteChannel {
    private struct State {
        var handshake: ServerHandshake?
        var inbound: [UInt8] = []
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())
    private let world: FakeWorld

    init(world: FakeWorld) {
        self.world = world
        let (server, byteCount, isReadOnly) = world.state.withLock { world in
            world.openChannels += 1
            return (world.server, world.imageBytes, world.isImageReadOnly)
        }
        state.withLock { state in
            switch server {
            case .silent: break
            case .hangsUp: state.isClosed = true
            case .nonsense: state.inbound = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
            case .healthy:
                var flags: TransmissionFlags = [.hasFlags, .sendFlush]
                if isReadOnly { flags.insert(.isReadOnly) }
                let export = Export(name: "", byteCount: byteCount, flags: flags)
                state.handshake = ServerHandshake(exports: [export])
                state.inbound = ServerHandshake.greeting
            }
        }
        if server == .hangsUp { world.state.withLock { $0.openChannels -= 1 } }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func read(into buffer: UnsafeMutableRawBufferPointer) async throws(SystemError) -> Int {
        while true {
            let count: Int? = state.withLock { state in
                guard !state.inbound.isEmpty else { return state.isClosed ? 0 : nil }
                // A few bytes at a time, as a network may have it.
                let portion = state.inbound.prefix(min(7, buffer.count))
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
        let isClosed = state.withLock { state in
            for action in state.handshake?.receive(bytes) ?? [] {
                if case .send(let reply) = action { state.inbound += reply }
            }
            return state.isClosed
        }
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
