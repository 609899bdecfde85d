internal import NIOCore
internal import Synchronization
internal import WebFront
internal import WireFormat

/// ``WebSocketLink`` over a channel with ``WebSocketFrames`` in it.
final class ChannelWebSocketLink: WebSocketLink {
    private let channel: any Channel
    private let frames: NIOLoopBound<WebSocketFrames>
    private let inbox: WebSocketInbox
    private let outbox: WebSocketOutbox
    private let isClient: Bool
    private let closedBy = Mutex<WebSocketCloseCode?>(nil)

    /// - Precondition: on the channel's event loop.
    init(_ channel: any Channel, _ frames: WebSocketFrames) {
        self.channel = channel
        isClient = frames.isClient
        (inbox, outbox) = (frames.inbox, frames.outbox)
        self.frames = NIOLoopBound(frames, eventLoop: channel.eventLoop)
        frames.closed = { [weak self] code in self?.closedBy.withLock { $0 = code } }
    }

    var closing: WebSocketCloseCode? { closedBy.withLock { $0 } }

    func receive() async -> [Bytes] { await inbox.next() }

    func send(_ message: [UInt8]) async throws(WebSocketEnded) {
        guard await outbox.hasRoom() else { throw WebSocketEnded() }
        // Put together here, so that the event loop has nothing to do but to encrypt it.
        let frame = message.withUnsafeBytes {
            WebSocketFrameWriter.frame(.binary, $0, isMasked: isClient)
        }
        outbox.began(frame.readableBytes)
        channel.eventLoop.execute { self.frames.value.send(frame) }
    }

    func close(_ code: WebSocketCloseCode, _ reason: String) async {
        guard channel.isActive else { return }
        channel.eventLoop.execute { self.frames.value.close(code, reason) }
        try? await channel.closeFuture.get()
    }
}
