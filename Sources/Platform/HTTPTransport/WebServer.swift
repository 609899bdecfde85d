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

    /// - Parameters:
    ///   - host: an address of this machine, or a name of it.
    ///   - port: 0 for any.
    ///   - threads: may serve several servers.
    /// - Throws: ``WebServerFailure``.
    package static func start(
        _ application: any WebApplication, credentials: Credentials, host: String, port: Int,
        on threads: WebThreads,
        limits: WebServerLimits = WebServerLimits()
    ) async throws(WebServerFailure) -> WebServer {
        let context = credentials.context
        let connections = Connections(limit: limits.connections)
        let work = RunningWork()
        do {
            let listener = try await ServerBootstrap(group: threads.group)
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
                        try ConnectionSetup(application, limits, work).add(to: channel, context)
                    }
                }
                .bind(host: host, port: port).get()
            return WebServer(
                port: listener.localAddress?.port ?? port, listener: listener, connections: connections,
                work: work)
        } catch {
            throw WebServerFailure("cannot listen on \(host) port \(port): \(error)")
        }
    }

    private init(port: Int, listener: any Channel, connections: Connections, work: RunningWork) {
        self.port = port
        self.listener = listener
        self.connections = connections
        self.work = work
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
