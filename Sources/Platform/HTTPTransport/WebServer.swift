internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS
internal import NIOWebSocket
internal import Synchronization
package import WebFront

/// Serves a ``WebApplication`` over TLS: HTTP/1.1, HTTP/2 and WebSockets.
package final class WebServer: Sendable {
    /// Where it listens, as it turned out: a port of 0 is replaced by the one that the system chose.
    package let port: Int
    private let listener: any Channel
    private let connections: Connections
    private let work: RunningWork
    private let context: CurrentContext

    /// Certificate chain and private key, PEM.
    package struct Identity: Sendable {
        package var certificateChain: [UInt8]
        package var privateKey: [UInt8]

        package init(certificateChain: [UInt8], privateKey: [UInt8]) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
        }
    }

    /// What a server shows of itself, read and ready for TLS; any number of servers may show the same.
    package struct Credentials: Sendable {
        fileprivate let context: NIOSSLContext

        /// - Throws: for a certificate or key that cannot be used.
        package init(_ identity: Identity) throws(WebServerFailure) {
            do {
                let chain = try NIOSSLCertificate.fromPEMBytes(identity.certificateChain)
                let key = try NIOSSLPrivateKey(bytes: identity.privateKey, format: .pem)
                var configuration = TLSConfiguration.makeServerConfiguration(
                    certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
                configuration.minimumTLSVersion = .tlsv12
                configuration.applicationProtocols = ["h2", "http/1.1"]
                context = try NIOSSLContext(configuration: configuration)
            } catch {
                throw WebServerFailure("cannot use the certificate or its key: \(error)")
            }
        }
    }

    /// Where clients come from.
    package enum Place: Sendable {
        /// An address of this machine, or a name of it; port 0 for any.
        case address(String, port: Int)
        /// A TCP socket that listens already, perhaps in another network namespace. The server closes it.
        case listening(CInt)
    }

    /// At an address of this machine, or a name of it; port 0 for any.
    package static func start(
        _ application: any WebApplication, identity: Identity, host: String, port: Int,
        on threads: WebThreads, limits: WebServerLimits = WebServerLimits()
    ) async throws(WebServerFailure) -> WebServer {
        try await start(
            application, credentials: try Credentials(identity), at: .address(host, port: port), on: threads,
            limits: limits)
    }

    /// - Parameters:
    ///   - threads: may serve several servers.
    /// - Throws: ``WebServerFailure``.
    package static func start(
        _ application: any WebApplication, credentials: Credentials, at place: Place, on threads: WebThreads,
        limits: WebServerLimits = WebServerLimits()
    ) async throws(WebServerFailure) -> WebServer {
        let context = CurrentContext(credentials.context)
        let connections = Connections(limit: limits.connections)
        let work = RunningWork()
        do {
            let bootstrap = ServerBootstrap(group: threads.group)
                .serverChannelOption(.backlog, value: 512)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(
                    .writeBufferWaterMark,
                    value: .init(low: limits.webSocketByteCount / 2, high: limits.webSocketByteCount)
                )
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard connections.admit(channel) else {
                            throw WebServerFailure("too many connections")
                        }
                        try ConnectionSetup(application, limits, work).add(to: channel, context.value)
                    }
                }
            let listener =
                switch place {
                case .address(let host, let port): try await bootstrap.bind(host: host, port: port).get()
                case .listening(let descriptor): try await bootstrap.withBoundSocket(descriptor).get()
                }
            return WebServer(
                port: listener.localAddress?.port ?? 0, listener: listener, connections: connections,
                work: work, context: context)
        } catch {
            throw WebServerFailure("cannot listen at \(place): \(error)")
        }
    }

    private init(
        port: Int, listener: any Channel, connections: Connections, work: RunningWork, context: CurrentContext
    ) {
        self.port = port
        self.listener = listener
        self.connections = connections
        self.work = work
        self.context = context
    }

    /// Shows another certificate to whoever connects from now on.
    package func present(_ identity: Identity) throws(WebServerFailure) {
        context.set(try Credentials(identity).context)
    }

    /// Closes everything, and returns once nothing is left.
    package func stop() async {
        // What cannot be closed is closed already.
        try? await listener.close()
        await connections.closeAll()
        await work.finished()
    }
}

/// Threads that serve connections.
package final class WebThreads: Sendable {
    let group: MultiThreadedEventLoopGroup

    package init(count: Int = 1) { group = MultiThreadedEventLoopGroup(numberOfThreads: count) }

    /// Only after every server on them.
    package func stop() async { try? await group.shutdownGracefully() }
}

/// The server cannot be started.
package struct WebServerFailure: Error, Equatable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

extension WebServer.Place: CustomStringConvertible {
    package var description: String {
        switch self {
        case .address(let host, let port): "\(host) port \(port)"
        case .listening(let descriptor): "descriptor \(descriptor)"
        }
    }
}

/// What new connections are secured with.
private final class CurrentContext: Sendable {
    private let context: Mutex<NIOSSLContext>
    init(_ context: NIOSSLContext) { self.context = Mutex(context) }
    var value: NIOSSLContext { context.withLock { $0 } }
    func set(_ new: NIOSSLContext) { context.withLock { $0 = new } }
}

/// Connections that are open, to count them and to close them.
private final class Connections: Sendable {
    private let limit: Int
    private let open = Mutex<[ObjectIdentifier: any Channel]>([:])

    init(limit: Int) { self.limit = limit }

    func admit(_ channel: any Channel) -> Bool {
        let key = ObjectIdentifier(channel)
        let isAdmitted = open.withLock { open in
            guard open.count < limit else { return false }
            open[key] = channel
            return true
        }
        if isAdmitted { channel.closeFuture.whenComplete { _ in self.open.withLock { $0[key] = nil } } }
        return isAdmitted
    }

    func closeAll() async {
        for channel in open.withLock({ Array($0.values) }) { try? await channel.close() }
    }
}
