internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket
package import WebFront

/// Opens WebSockets over TLS.
package struct WebSocketClient: Sendable {
    package enum Trust: Sendable {
        /// What this system trusts.
        case system
        /// These authorities only, PEM.
        case authorities([UInt8])
        /// Anybody: for a test, and said so by whoever asks for it.
        case anybody
    }

    private let limits: WebServerLimits
    private let trust: Trust

    package init(trust: Trust, limits: WebServerLimits = WebServerLimits()) {
        self.trust = trust
        self.limits = limits
    }

    /// - Parameters:
    ///   - fields: of the request, besides those of the handshake (RFC 6455 §4.1).
    /// - Returns: an open WebSocket.
    /// - Throws: ``WebSocketRefused``.
    package func open(
        host: String, port: Int, path: String, fields: [(name: String, value: String)]
    ) async throws(WebSocketRefused) -> any WebSocketLink {
        let context = try tlsContext()
        let (limits, group) = (limits, MultiThreadedEventLoopGroup.singleton)
        let opening = group.next().makePromise(of: ChannelWebSocketLink.self)
        do {
            let channel = try await ClientBootstrap(group: group)
                .connectTimeout(TimeAmount(limits.headTime))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(
                    .writeBufferWaterMark,
                    value: .init(low: limits.webSocketByteCount / 2, high: limits.webSocketByteCount)
                )
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host))
                        try Self.addHandshake(
                            to: channel, host: "\(host.contains(":") ? "[\(host)]" : host):\(port)",
                            path: path,
                            fields: fields, limits, opening)
                    }
                }
                .connect(host: host, port: port).get()
            let deadline = channel.eventLoop.scheduleTask(in: TimeAmount(limits.headTime)) {
                opening.fail(WebSocketRefused("no answer from \(host) port \(port)"))
                channel.close(promise: nil)
            }
            channel.closeFuture.whenComplete { _ in
                opening.fail(WebSocketRefused("\(host) port \(port) hung up"))
            }
            defer { deadline.cancel() }
            return try await opening.futureResult.get()
        } catch {
            opening.fail(error)
            if let refused = error as? WebSocketRefused { throw refused }
            throw WebSocketRefused("\(host) port \(port): \(error)")
        }
    }

    private static func addHandshake(
        to channel: any Channel, host: String, path: String, fields: [(name: String, value: String)],
        _ limits: WebServerLimits, _ opening: EventLoopPromise<ChannelWebSocketLink>
    ) throws {
        let request = HandshakeRequest(host: host, path: path, fields: fields, opening)
        let requestOfLoop = NIOLoopBound(request, eventLoop: channel.eventLoop)
        let upgrader = NIOWebSocketClientUpgrader(
            maxFrameSize: limits.frameByteCount, automaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                opening.succeed(try WebSocketFrames.add(to: channel, limits, isClient: true))
            }
        }
        try channel.pipeline.syncOperations.addHTTPClientHandlers(
            withClientUpgrade: (
                upgraders: [upgrader],
                completionHandler: { context in
                    context.pipeline.syncOperations.removeHandler(requestOfLoop.value, promise: nil)
                }
            ))
        try channel.pipeline.syncOperations.addHandler(request)
    }

    private func tlsContext() throws(WebSocketRefused) -> NIOSSLContext {
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            switch trust {
            case .system: break
            case .authorities(let pem):
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(pem))
            case .anybody: configuration.certificateVerification = .none
            }
            return try NIOSSLContext(configuration: configuration)
        } catch { throw WebSocketRefused("the authorities to trust: \(error)") }
    }
}

/// A WebSocket was not opened.
package struct WebSocketRefused: Error, Equatable, CustomStringConvertible {
    package let description: String
    /// What the server answered instead, where it did.
    package var status: Int?

    init(_ description: String, status: Int? = nil) {
        self.description = description
        self.status = status
    }
}

/// Asks for the WebSocket, and hears why there is none.
private final class HandshakeRequest: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let host: String
    private let path: String
    private let fields: [(name: String, value: String)]
    private let opening: EventLoopPromise<ChannelWebSocketLink>

    init(
        host: String, path: String, fields: [(name: String, value: String)],
        _ opening: EventLoopPromise<ChannelWebSocketLink>
    ) {
        self.host = host
        self.path = path
        self.fields = fields
        self.opening = opening
    }

    func channelActive(context: ChannelHandlerContext) {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path)
        head.headers.add(name: "Host", value: host)
        for (name, value) in fields { head.headers.add(name: name, value: value) }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) {
            opening.fail(
                WebSocketRefused(
                    "the server answered \(head.status.code) \(head.status.reasonPhrase)",
                    status: Int(head.status.code)))
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        opening.fail(WebSocketRefused("\(error)"))
        context.close(promise: nil)
    }
}
