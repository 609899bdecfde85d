package import BlockStorage
import CLinux
import Glibc
package import NBDProtocol
import Synchronization

/// Serves one store over NBD: on sockets it listens on, and on connected descriptors it is given. Each
/// connection has a thread. ``stop()`` leaves no thread, descriptor or socket file.
package final class NBDServer: Sendable {
    package let export: Export
    private let store: any BlockStore
    private let limits: ServerLimits
    private let didEnd: (@Sendable (ConnectionEnd) -> Void)?
    private let state = Mutex(State())
    /// Counts up with every connection that ends.
    private let endings: CInt

    private struct State {
        var connections: [Int: ConnectedSocket] = [:]
        var nextConnection = 0
        /// Threads that are about to end, or have.
        var finished: [pthread_t] = []
        var threads: [Int: pthread_t] = [:]
        var acceptors: [Acceptor] = []
        var isStopping = false
        var hasStopped = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    /// - Parameters:
    ///   - store: stays open when the server stops; its owner closes it then.
    ///   - didEnd: called on a connection's own thread, after its descriptor was closed.
    package init(
        store: any BlockStore, exportName: String = "", limits: ServerLimits = ServerLimits(),
        didEnd: (@Sendable (ConnectionEnd) -> Void)? = nil
    ) {
        self.store = store
        self.limits = limits
        self.didEnd = didEnd
        export = Export(of: store, named: exportName, limits: limits)
        endings = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
        precondition(endings >= 0, "no descriptor left for a server")
    }

    deinit {
        // Connections keep the server alive, so there are none; what was not stopped is stopped here.
        let (acceptors, threads) = state.withLock { ($0.acceptors, $0.finished) }
        for acceptor in acceptors { acceptor.stop() }
        for thread in threads { pthread_detach(thread) }
        Glibc.close(endings)
    }

    package var connectionCount: Int { state.withLock { $0.connections.count } }

    /// Listens, until the server stops.
    ///
    /// - Returns: the address with the port that the system chose.
    package func listen(on address: ListenAddress) throws(ListenError) -> ListenAddress {
        let listener = try Listener(address)
        let acceptor = Acceptor(listener) { [weak self] number in self?.accepted(number) }
        let isStarted = state.withLock { state in
            guard !state.isStopping, acceptor.start() else { return false }
            state.acceptors.append(acceptor)
            return true
        }
        guard isStarted else {
            listener.close()
            throw ListenError(.other(errno: EAGAIN), address)
        }
        return listener.address
    }

    /// Serves a connected stream socket, such as one end of a pair; takes the descriptor over.
    ///
    /// - Returns: `nil`, with the descriptor closed, when the server is stopping, has its limit of
    ///   connections, or the system has no thread left.
    package func serve(descriptor number: CInt) -> ServedConnection? {
        let socket = ConnectedSocket(number)
        let served = ServedConnection()
        let isStarted = state.withLock { state in
            Self.join(&state.finished)
            guard !state.isStopping, state.connections.count < limits.maximumConnections else { return false }
            let id = state.nextConnection
            state.nextConnection += 1
            // The thread's first act that matters to us is to take this lock, so it finds itself here.
            let thread = ConnectionThread.start("nbd conn \(id)") { [self] in run(id, socket, served) }
            guard let thread else { return false }
            state.connections[id] = socket
            state.threads[id] = thread
            return true
        }
        guard isStarted else {
            socket.close()
            return nil
        }
        return served
    }

    private func accepted(_ number: CInt) { _ = serve(descriptor: number) }

    /// The whole life of a connection's thread.
    private func run(_ id: Int, _ socket: ConnectedSocket, _ served: ServedConnection) {
        let connection = Connection(socket, store: store, export: export, limits: limits)
        var end = connection.run()
        socket.close()
        if end == .hungUp, state.withLock({ $0.isStopping }) { end = .stopped }
        didEnd?(end)
        state.withLock { state in
            state.connections[id] = nil
            if let thread = state.threads.removeValue(forKey: id) { state.finished.append(thread) }
        }
        served.finish(end)
        eventfd_write(endings, 1)
    }

    private static func join(_ threads: inout [pthread_t]) {
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }
}

// Stopping.
extension NBDServer {
    /// Ends every connection after answering what was received, and waits until the store is no longer
    /// used. Clients that do not take their replies within ``ServerLimits/drainMilliseconds`` are cut off.
    package func stop() async {
        await withCheckedContinuation { continuation in
            let mustStart = state.withLock { state -> Bool? in
                if state.hasStopped { return nil }
                state.waiting.append(continuation)
                return state.waiting.count == 1
            }
            guard let mustStart else { return continuation.resume() }
            guard mustStart else { return }
            // Joining threads blocks, which a task must not.
            let thread = ConnectionThread.start("nbd stop") { [self] in stopAndResume() }
            if let thread { pthread_detach(thread) } else { stopAndResume() }
        }
    }

    private func stopAndResume() {
        stopAndWait()
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// The same for a caller that may block.
    package func stopAndWait() {
        let acceptors = state.withLock { state in
            state.isStopping = true
            defer { state.acceptors = [] }
            return state.acceptors
        }
        for acceptor in acceptors { acceptor.stop() }
        forEachConnection { $0.stopReceiving() }
        waitForConnections(until: monotonicMilliseconds() + limits.drainMilliseconds)
        forEachConnection { $0.abort() }
        waitForConnections(until: nil)
        let threads = state.withLock { state in
            defer { state.finished = [] }
            return state.finished
        }
        for thread in threads { pthread_join(thread, nil) }
        state.withLock { $0.hasStopped = true }
    }

    /// Hangs up on every client at once, whatever is under way; others may connect.
    package func hangUp() { forEachConnection { $0.abort() } }

    /// Listens no more and hangs up on everybody, as when its process is killed. What the store still does
    /// for a connection goes on to its end, and nobody is told.
    package func kill() {
        let acceptors = state.withLock { state in
            state.isStopping = true
            defer { state.acceptors = [] }
            return state.acceptors
        }
        for acceptor in acceptors { acceptor.stop() }
        hangUp()
    }

    private func forEachConnection(_ body: (ConnectedSocket) -> Void) {
        let sockets = state.withLock { state in state.connections.sorted { $0.key < $1.key }.map(\.value) }
        sockets.forEach(body)
    }

    /// - Parameter deadline: monotonic milliseconds; `nil` waits as long as the store takes.
    private func waitForConnections(until deadline: Int?) {
        while connectionCount > 0 {
            var entry = pollfd(fd: endings, events: Int16(POLLIN), revents: 0)
            let left = deadline.map { $0 - monotonicMilliseconds() } ?? -1
            if deadline != nil, left <= 0 { return }
            guard poll(&entry, 1, CInt(left)) > 0 else { continue }
            var count: eventfd_t = 0
            eventfd_read(endings, &count)
        }
    }
}
