internal import COpenSSL
package import Certificates
import FaultPoints
import Glibc
package import HTTPRanges
import Threads

/// MediaRig's own HTTPS server for images, on loopback: HTTP/1.1 with kept connections, GET and HEAD,
/// single ranges and their conditions. One thread per connection, because a blocked one is what most
/// faults look like from inside.
package final class ImageServer: Sendable {
    package struct Configuration: Sendable {
        /// By path: "/disk.img".
        package var images: [String: ServedImage] = [:]
        /// A folder whose regular files are served under their names.
        package var directory: String?
        /// The same, but of a folder that somebody else keeps.
        package var folder: (any ServedFolder)?
        /// 0 lets the system choose.
        package var port: UInt16 = 0
        /// Clients must name these (RFC 7617).
        package var user: String?
        package var password: String?
        package var sendsRootCertificate = false
        package var handshake = HandshakePlan.right
        package var planner: @Sendable (ReceivedRequest) -> ResponsePlan = { _ in .right }
        /// Instead of `planner`, with what no plan can say.
        package var answerFaults: (@Sendable (ReceivedRequest) -> AnswerFaults)?
        /// For each connection, by its number.
        package var handshakeFaults: (@Sendable (Int) -> HandshakeFaults)?

        package init() {}
    }

    /// More connections than this are closed at once.
    package static let maximumConnections = 64
    /// A connection without a request, or that takes no bytes, is closed after this.
    package static let idleTimeout = Duration.seconds(60)
    /// Within this everything is over after ``stop()``.
    package static let stopTimeout = Duration.seconds(5)

    package let port: UInt16
    let configuration: Configuration
    private let context: TLSServerContext
    private let flawed: FlawedContexts?
    private let listener: CInt
    private let state = Monitor(State())

    private struct State {
        var isStopping = false
        var isListening = true
        var connections: [Int: TLSConnection] = [:]
        var threadCount = 0
        var acceptedCount = 0
        var requestCount = 0
    }

    /// Listens on 127.0.0.1 when it returns.
    package convenience init(
        _ certificate: Certificate, root: Certificate? = nil, _ configuration: Configuration
    ) throws {
        try self.init(certificate, root: root, flawed: nil, configuration)
    }

    private init(
        _ certificate: Certificate, root: Certificate?, flawed: FlawedContexts?,
        _ configuration: Configuration
    ) throws {
        self.configuration = configuration
        self.flawed = flawed
        context = try TLSServerContext(
            certificate, chain: configuration.sendsRootCertificate ? [root].compactMap { $0 } : [],
            isObsolete: configuration.handshake == .alerts)
        (listener, port) = try Self.listen(on: configuration.port)
        guard BlockingThread.start("https accept", { [self] in acceptLoop() }) else {
            close(listener)
            throw ServerFailure("start a thread", errno: EAGAIN)
        }
    }

    /// A good server with an authority of its own.
    package convenience init(authority: CertificateAuthority, _ configuration: Configuration) throws {
        try self.init(
            authority.issue(), root: authority.root, flawed: FlawedContexts(authority), configuration)
    }

    package func url(_ path: String) -> String { "https://127.0.0.1:\(port)\(path)" }

    package var acceptedCount: Int { state.withLock { $0.acceptedCount } }
    package var requestCount: Int { state.withLock { $0.requestCount } }
    package var openConnectionCount: Int { state.withLock { $0.threadCount } }

    /// Ends every connection; returns when no thread and no socket is left.
    ///
    /// - Returns: `false` when something is still there after ``stopTimeout``.
    @discardableResult
    package func stop() -> Bool {
        let connections = state.change { state in
            state.isStopping = true
            return state.connections.values.map { $0 }
        }
        shutdown(listener, CInt(SHUT_RDWR))
        for connection in connections { connection.interrupt() }
        let isOver = state.wait(atMost: Self.stopTimeout) {
            !$0.isListening && $0.threadCount == 0 ? true : nil
        }
        return isOver ?? false
    }

    // MARK: For connections

    func nextRequestNumber() -> Int {
        state.withLock { state in
            defer { state.requestCount += 1 }
            return state.requestCount
        }
    }

    /// Sleeps, but not past the server's stop.
    func pause(_ time: Duration) { _ = state.wait(atMost: time) { $0.isStopping ? true : nil } }

    /// Waits until the hold is released, but not past the server's stop.
    func wait(for hold: FaultHold) {
        hold.whenReleased { [self] in state.change { _ in } }
        _ = state.wait { $0.isStopping || hold.isReleased ? true : nil }
    }

    var isStopping: Bool { state.withLock { $0.isStopping } }

    // MARK: Accepting

    private func acceptLoop() {
        while true {
            let socket = accept(listener, nil, nil)
            if socket >= 0 {
                admit(socket)
            } else if errno != EINTR && errno != ECONNABORTED {
                break
            }
        }
        close(listener)
        state.change { $0.isListening = false }
    }

    private func admit(_ socket: CInt) {
        Self.limitWaiting(socket)
        let number = state.withLock { state -> Int? in
            guard !state.isStopping, state.threadCount < Self.maximumConnections else { return nil }
            state.threadCount += 1
            defer { state.acceptedCount += 1 }
            return state.acceptedCount
        }
        let faults = number.flatMap { configuration.handshakeFaults?($0) } ?? HandshakeFaults()
        guard let number, configuration.handshake != .drops,
            let connection = TLSConnection(socket: socket, context: context(for: faults.flaw))
        else {
            close(socket)
            if number != nil { state.change { $0.threadCount -= 1 } }
            return
        }
        let isWanted = state.withLock { state in
            state.connections[number] = connection
            return !state.isStopping
        }
        if !isWanted { connection.interrupt() }
        let isStarted = BlockingThread.start("https conn \(number)") { [self] in
            ServerConnection(server: self, number: number, stream: connection, handshake: faults).run()
            remove(number)
        }
        if !isStarted { remove(number) }
    }

    private func context(for flaw: HandshakeFaults.Flaw?) -> TLSServerContext {
        guard let flaw else { return context }
        precondition(flawed != nil, "a server without an authority of its own shows no flaws")
        return flawed?.context(for: flaw) ?? context
    }

    private func remove(_ number: Int) {
        // The socket closes with the last reference, before the count says that it is gone.
        do { _ = state.change { $0.connections.removeValue(forKey: number) } }
        state.change { $0.threadCount -= 1 }
    }

    private static func limitWaiting(_ socket: CInt) {
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        var time = timeval(tv_sec: Int(idleTimeout.components.seconds), tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, size)
        var on: CInt = 1
        setsockopt(socket, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
    }

    private static func listen(on port: UInt16) throws(ServerFailure) -> (CInt, UInt16) {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw ServerFailure("make a socket", errno: errno) }
        var on: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutableBytes(of: &address) { bytes in
            let address = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            return bind(descriptor, address, size) == 0 && Glibc.listen(descriptor, 64) == 0
                && getsockname(descriptor, address, &size) == 0
        }
        guard isListening else {
            let number = errno
            close(descriptor)
            throw ServerFailure("listen on 127.0.0.1:\(port)", errno: number)
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }
}
