internal import NIOCore
internal import NIOWebSocket
internal import WebFront
internal import WireFormat

/// The WebSocket of one connection, on its event loop: control frames, masks, and how much may wait.
final class WebSocketFrames: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let limits: WebServerLimits
    /// Clients mask what they send, servers do not (RFC 6455 §5.3).
    let isClient: Bool
    private var context: ChannelHandlerContext?
    private var waiting: [Bytes] = []
    private var waitingByteCount = 0
    /// The channel would like to read on, and too much waits here.
    private var isReadWithheld = false
    private var receiver: EventLoopPromise<[Bytes]>?
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

    init(_ limits: WebServerLimits, isClient: Bool) {
        self.limits = limits
        self.isClient = isClient
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

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let code: WebSocketCloseCode =
            if let error = error as? NIOWebSocketError, error == .invalidFrameLength {
                .messageTooBig
            } else {
                .protocolError
            }
        close(code, "")
    }

    // MARK: From the peer

    func read(context: ChannelHandlerContext) {
        if waitingByteCount < limits.webSocketByteCount { context.read() } else { isReadWithheld = true }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        silentPings = 0
        guard frame.rsv1 == false, frame.rsv2 == false, frame.rsv3 == false,
            isClient == (frame.maskKey == nil) || frame.length == 0
        else { return close(.protocolError, "a frame that was not agreed on") }
        switch frame.opcode {
        case .binary, .continuation:
            guard frame.length > 0, !isEnded, !isCloseSent else { return }
            let bytes = frame.unmaskedBytes
            waitingByteCount += bytes.count
            waiting.append(bytes[...])
            deliver()
        case .text: close(.unsupportedData, "binary messages only")
        case .ping: write(.pong, frame.unmaskedData)
        case .pong: break
        case .connectionClose:
            var reason = frame.unmaskedData
            let code = reason.readInteger(as: UInt16.self).map(WebSocketCloseCode.init(rawValue:))
            closed(code ?? WebSocketCloseCode(rawValue: 1005))
            if !isCloseSent {
                write(.connectionClose, frame.unmaskedData.getSlice(at: 0, length: code == nil ? 0 : 2))
            }
            isCloseSent = true
            end()
            closeChannel(after: .zero)
        default: close(.protocolError, "an unknown kind of frame")
        }
    }

    /// Gives `promise` what waits, or what comes next; nothing at the end.
    func take(_ promise: EventLoopPromise<[Bytes]>) {
        // There is one reader: whoever asks again has given up the first time.
        receiver?.succeed([])
        receiver = promise
        deliver()
    }

    private func deliver() {
        guard let receiver, !waiting.isEmpty || isEnded else { return }
        self.receiver = nil
        let taken = waiting
        waiting = []
        waitingByteCount = 0
        receiver.succeed(taken)
        if isReadWithheld {
            isReadWithheld = false
            context?.read()
        }
    }

    private func end() {
        guard !isEnded else { return }
        isEnded = true
        pings?.cancel()
        deliver()
    }

    // MARK: To the peer

    /// - Parameter bytes: of a control frame, 125 at most.
    private func write(_ opcode: WebSocketOpcode, _ bytes: ByteBuffer?) {
        guard let context, !isCloseSent else { return }
        context.writeAndFlush(
            wrapOutboundOut(
                WebSocketFrame(
                    fin: true, opcode: opcode, maskKey: isClient ? .random() : nil,
                    data: bytes ?? context.channel.allocator.buffer(capacity: 0))), promise: nil)
    }

    private func ping() {
        // While nothing is read, no sign of life can be seen.
        guard !isReadWithheld else { return }
        guard silentPings < Self.silentPingsOfGone else {
            context?.close(promise: nil)
            return
        }
        silentPings += 1
        write(.ping, nil)
    }

    func close(_ code: WebSocketCloseCode, _ reason: String) {
        guard let context, !isCloseSent else { return }
        var bytes = context.channel.allocator.buffer(capacity: 125)
        bytes.writeInteger(code.rawValue)
        bytes.writeString(Self.fitting(reason))
        write(.connectionClose, bytes)
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

extension WebSocketFrame {
    /// The payload, without its mask.
    ///
    /// Eight bytes at a time: what a browser serves is masked, all of it.
    var unmaskedBytes: [UInt8] {
        data.withUnsafeReadableBytes { source in
            [UInt8](unsafeUninitializedCapacity: source.count) { target, count in
                count = source.count
                guard let maskKey else {
                    UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
                    return
                }
                let key = [maskKey[0], maskKey[1], maskKey[2], maskKey[3]]
                var word: UInt64 = 0
                for index in (0..<8).reversed() { word = word << 8 | UInt64(key[index % 4]) }
                let raw = UnsafeMutableRawBufferPointer(target)
                let wordEnd = count & ~7
                var offset = 0
                while offset < wordEnd {
                    let masked = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    raw.storeBytes(of: masked ^ word.littleEndian, toByteOffset: offset, as: UInt64.self)
                    offset += 8
                }
                while offset < count {
                    raw[offset] = source[offset] ^ key[offset % 4]
                    offset += 1
                }
            }
        }
    }
}
