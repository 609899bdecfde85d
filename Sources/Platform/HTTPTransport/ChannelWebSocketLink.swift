internal import NIOCore
internal import NIOWebSocket
internal import Synchronization
internal import WebFront
internal import WireFormat

/// ``WebSocketLink`` over a channel with ``WebSocketFrames`` in it.
final class ChannelWebSocketLink: WebSocketLink {
    private let channel: any Channel
    private let frames: NIOLoopBound<WebSocketFrames>
    private let isClient: Bool
    private let closedBy = Mutex<WebSocketCloseCode?>(nil)

    /// - Precondition: on the channel's event loop.
    init(_ channel: any Channel, _ frames: WebSocketFrames) {
        self.channel = channel
        isClient = frames.isClient
        self.frames = NIOLoopBound(frames, eventLoop: channel.eventLoop)
        frames.closed = { [weak self] code in self?.closedBy.withLock { $0 = code } }
    }

    var closing: WebSocketCloseCode? { closedBy.withLock { $0 } }

    func receive() async -> [Bytes] {
        let promise = channel.eventLoop.makePromise(of: [Bytes].self)
        channel.eventLoop.execute { self.frames.value.take(promise) }
        return (try? await promise.futureResult.get()) ?? []
    }

    func send(_ message: [UInt8]) async throws(WebSocketEnded) {
        let frame = WebSocketFrame(
            fin: true, opcode: .binary, maskKey: isClient ? .random() : nil, data: ByteBuffer(bytes: message))
        let written = channel.eventLoop.makePromise(of: Void.self)
        channel.writeAndFlush(frame, promise: written)
        // Full: wait until this one is gone, which is as long as it takes the peer to make room.
        guard !channel.isWritable else { return }
        do { try await written.futureResult.get() } catch { throw WebSocketEnded() }
    }

    func close(_ code: WebSocketCloseCode, _ reason: String) async {
        channel.eventLoop.execute { self.frames.value.close(code, reason) }
        try? await channel.closeFuture.get()
    }
}
