internal import NIOCore
internal import NIOWebSocket
internal import WebFront
internal import WireFormat

/// The WebSocket of one connection, on its event loop: frames, control frames, and how much may wait.
final class WebSocketFrames: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    private let limits: WebServerLimits
    /// Clients mask what they send, servers do not (RFC 6455 §5.3).
    let isClient: Bool
    let inbox: WebSocketInbox
    let outbox: WebSocketOutbox
    private var reader: WebSocketFrameReader
    private var context: ChannelHandlerContext?
    private var isEnded = false
    private var isCloseSent = false
    private var pings: RepeatedTask?
    private var silentPings = 0
    /// Told how the peer closed.
    var closed: (WebSocketCloseCode) -> Void = { _ in }

    /// Pings without a sign of life after which a peer is gone.
    static let silentPingsOfGone = 3
    /// For the peer's side of the closing handshake.
    static let closingTime = Duration.seconds(2)
    /// What is received at a time, once a connection has become a WebSocket.
    private static let receiveByteCounts = 4 << 10...256 << 10

    /// Makes a connection that has changed over to a WebSocket ours, before the handlers that NIO has added for
    /// that: they hold a frame back until it is whole, copy it together, and mask byte by byte. They see
    /// nothing any more.
    ///
    /// - Precondition: on the channel's event loop.
    static func add(to channel: any Channel, _ limits: WebServerLimits, isClient: Bool) throws
        -> ChannelWebSocketLink
    {
        let frames = WebSocketFrames(limits, isClient: isClient, channel)
        let pipeline = channel.pipeline.syncOperations
        let coder = try pipeline.handler(type: WebSocketFrameEncoder.self)
        try pipeline.addHandler(frames, position: .before(coder))
        try channel.syncOptions?.setOption(
            .recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(
                minimum: receiveByteCounts.lowerBound, initial: receiveByteCounts.lowerBound,
                maximum: receiveByteCounts.upperBound))
        return ChannelWebSocketLink(channel, frames)
    }

    private init(_ limits: WebServerLimits, isClient: Bool, _ channel: any Channel) {
        self.limits = limits
        self.isClient = isClient
        inbox = WebSocketInbox(limit: limits.webSocketByteCount) { [weak channel] in
            if let channel, channel.isActive { channel.read() }
        }
        outbox = WebSocketOutbox(limit: limits.webSocketByteCount)
        reader = WebSocketFrameReader(expectsMask: !isClient, maximumFrameBytes: limits.frameByteCount)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        let time = TimeAmount(limits.pingTime)
        pings = context.eventLoop.scheduleRepeatedTask(initialDelay: time, delay: time) { _ in me.value.ping()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { close(.protocolError, "") }

    // MARK: From the peer

    func read(context: ChannelHandlerContext) {
        if inbox.mayRead() { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        silentPings = 0
        var pieces: [Bytes] = []
        do throws(WebSocketFrameReader.Violation) {
            try unwrapInboundIn(data).read(by: &reader) { frame in
                switch frame {
                case .data(let piece): pieces.append(piece[...])
                case .ping(let bytes): write(.pong, bytes)
                case .pong: break
                case .close(let bytes): peerClosed(bytes, after: &pieces)
                }
            }
        } catch {
            inbox.put(pieces)
            return close(error.closeCode, error.reason)
        }
        inbox.put(pieces)
    }

    private func peerClosed(_ bytes: [UInt8], after pieces: inout [Bytes]) {
        inbox.put(pieces)
        pieces = []
        let code = bytes.count < 2 ? 1005 : UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        closed(WebSocketCloseCode(rawValue: code))
        if !isCloseSent { write(.close, Array(bytes.prefix(2))) }
        isCloseSent = true
        end()
        closeChannel(after: .zero)
    }

    private func end() {
        guard !isEnded else { return }
        isEnded = true
        pings?.cancel()
        inbox.end()
        outbox.end()
    }

    // MARK: To the peer

    /// Sends a frame that the outbox has counted.
    func send(_ frame: ByteBuffer) {
        let (outbox, byteCount) = (outbox, frame.readableBytes)
        guard let context, !isCloseSent else { return outbox.ended(byteCount) }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in outbox.ended(byteCount) }
        context.writeAndFlush(wrapOutboundOut(frame), promise: written)
    }

    /// - Parameter bytes: of a control frame, 125 at most.
    private func write(_ opcode: WebSocketFrameReader.Opcode, _ bytes: [UInt8]) {
        guard let context, !isCloseSent else { return }
        let frame = bytes.withUnsafeBytes { WebSocketFrameWriter.frame(opcode, $0, isMasked: isClient) }
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    private func ping() {
        // While nothing is read, no sign of life can be seen.
        guard !inbox.isReadWithheld else { return }
        guard silentPings < Self.silentPingsOfGone else {
            context?.close(promise: nil)
            return
        }
        silentPings += 1
        write(.ping, [])
    }

    func close(_ code: WebSocketCloseCode, _ reason: String) {
        guard context != nil, !isCloseSent else { return }
        write(
            .close,
            [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + Array(Self.fitting(reason).utf8))
        isCloseSent = true
        end()
        closeChannel(after: Self.closingTime)
    }

    /// What of `reason` a close frame holds: whole characters, 123 bytes at most.
    static func fitting(_ reason: String) -> String {
        var reason = reason
        while reason.utf8.count > 123 { reason.removeLast() }
        return reason
    }

    private func closeChannel(after time: Duration) {
        guard let channel = context?.channel else { return }
        if time == .zero {
            channel.eventLoop.execute { channel.close(mode: .output, promise: nil) }
        }
        channel.eventLoop.scheduleTask(in: TimeAmount(Self.closingTime)) { channel.close(promise: nil) }
    }
}

extension ByteBuffer {
    fileprivate func read(
        by reader: inout WebSocketFrameReader, _ handle: (WebSocketFrameReader.Frame) -> Void
    ) throws(WebSocketFrameReader.Violation) {
        // With a result instead of an error: closures of NIO throw anything.
        let result = withUnsafeReadableBytes { bytes in
            Result { () throws(WebSocketFrameReader.Violation) in try reader.read(bytes, handle) }
        }
        try result.get()
    }
}

extension WebSocketFrameReader.Violation {
    fileprivate var closeCode: WebSocketCloseCode {
        switch self {
        case .malformed: .protocolError
        case .text: .unsupportedData
        case .tooLong: .messageTooBig
        }
    }

    fileprivate var reason: String {
        switch self {
        case .malformed(let what): what
        case .text: "binary messages only"
        case .tooLong: ""
        }
    }
}
