internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOSSL
internal import NIOTLS
internal import NIOWebSocket
internal import WebFront

/// Puts together what handles one connection.
struct ConnectionSetup: Sendable {
    private let application: any WebApplication
    private let limits: WebServerLimits
    private let work: RunningWork

    init(_ application: any WebApplication, _ limits: WebServerLimits, _ work: RunningWork) {
        self.application = application
        self.limits = limits
        self.work = work
    }

    /// - Precondition: on the channel's event loop.
    func add(to channel: any Channel, _ context: NIOSSLContext) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(NIOSSLServerHandler(context: context))
        try pipeline.addHandler(HandshakeDeadline(limits.headTime))
        try pipeline.addHandler(
            ApplicationProtocolNegotiationHandler { (result: ALPNResult, channel: any Channel) in
                channel.eventLoop.makeCompletedFuture {
                    switch result {
                    case .negotiated("h2"): try self.addHTTP2(to: channel)
                    case .negotiated, .fallback: try self.addHTTP1(to: channel)
                    }
                }
            })
    }

    private func addHTTP1(to channel: any Channel) throws {
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderFieldSize = limits.fieldByteCount
        decoderLimits.maxHeaderListSize = limits.headByteCount
        decoderLimits.maxHeaderFieldCount = limits.fieldCount
        let upgrade = WebSocketUpgrade(application, limits, work, peer: Peer.address(of: channel))
        let requests = RequestHandler(
            application, limits, work, peer: Peer.address(of: channel), upgrade.refusal)
        let requestsOfLoop = NIOLoopBound(requests, eventLoop: channel.eventLoop)
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withServerUpgrade: (
                upgraders: [upgrade.upgrader],
                completionHandler: { context in
                    // Has handled no request yet: only the first one of a connection can change over.
                    context.pipeline.syncOperations.removeHandler(requestsOfLoop.value, promise: nil)
                }
            ), withEncoderConfiguration: HTTPResponseEncoder.Configuration(),
            withDecoderLimitConfiguration: decoderLimits)
        try channel.pipeline.syncOperations.addHandler(requests)
    }

    private func addHTTP2(to channel: any Channel) throws {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.streams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: limits.headByteCount),
        ]
        let (application, limits, work, peer) = (application, limits, work, Peer.address(of: channel))
        try channel.pipeline.syncOperations.addHandler(
            IdleStateHandler(allTimeout: TimeAmount(limits.idleTime)))
        _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .server, connectionConfiguration: connection,
            streamConfiguration: NIOHTTP2Handler.StreamConfiguration()
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
                try stream.pipeline.syncOperations.addHandler(
                    RequestHandler(application, limits, work, peer: peer))
            }
        }
        try channel.pipeline.syncOperations.addHandler(ClosesWhenIdle())
    }
}

/// Closes a connection whose TLS handshake is not done in time. Stands behind the handler of TLS, which tells it.
private final class HandshakeDeadline: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let time: Duration
    private var deadline: Scheduled<Void>?

    init(_ time: Duration) { self.time = time }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: TimeAmount(time)) { channel.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event { deadline?.cancel() }
        context.fireUserInboundEventTriggered(event)
    }

    /// A handshake that fails, and a peer that leaves without TLS's good-bye, which is nothing to us.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Closes an HTTP/2 connection on which nothing happens.
private final class ClosesWhenIdle: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
