import CLinux
import Glibc
import Synchronization
import Threads
import WireFormat

/// A connected stream socket with one thread that reads, writes and keeps deadlines. Whoever sends is
/// never held up by the peer.
final class StreamLoop: Sendable {
    /// While more waits to be sent, nothing is read: a peer that asks and does not listen is not served on.
    static let maximumWaitingByteCount = 64 << 20
    private static let receivedByteCount = 256 << 10

    /// What the thread calls, one at a time.
    struct Owner: Sendable {
        var received: @Sendable (Bytes) -> Void
        /// - Returns: when to be called again; `nil` when nothing is due.
        var keepDeadlines: @Sendable (Duration) -> Duration? = { _ in nil }
        /// Called once, last: the peer closed, the socket broke, or ``close()`` was called.
        var ended: @Sendable () -> Void
    }

    private struct State {
        var waiting: [Bytes] = []
        var waitingByteCount = 0
        /// Send what waits, then end.
        var isClosing = false
    }
    private let state = Mutex(State())
    private let descriptor: CInt
    private let wake: CInt

    /// Takes ownership of a connected stream socket.
    init(owning descriptor: CInt) {
        self.descriptor = descriptor
        wake = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        // One transfer is three small messages each way; none of them may wait for another. Fails on a
        // unix socket, which never waits.
        var one: CInt = 1
        setsockopt(
            descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
    }

    deinit {
        Glibc.close(descriptor)
        if wake >= 0 { Glibc.close(wake) }
    }

    /// - Returns: `false`, and nothing is called, when the system has no thread or descriptor left.
    func start(_ name: String, _ owner: Owner) -> Bool {
        guard wake >= 0 else { return false }
        return BlockingThread.start(name) { [self] in
            run(owner)
            // The number stays taken until nobody can use it any more; the peer must know now.
            shutdown(descriptor, CInt(SHUT_RDWR))
            owner.ended()
        }
    }

    func send(_ pieces: [Bytes]) {
        guard !pieces.isEmpty else { return }
        state.withLock {
            $0.waiting += pieces
            $0.waitingByteCount += pieces.reduce(0) { $0 + $1.count }
        }
        eventfd_write(wake, 1)
    }

    /// Has the thread look at the deadlines again.
    func deadlinesChanged() { eventfd_write(wake, 1) }

    /// Ends the connection once what waits is sent, or cannot be. Harmless when repeated.
    func close() {
        state.withLock { $0.isClosing = true }
        eventfd_write(wake, 1)
    }

    /// Ends it at once.
    func abort() {
        state.withLock {
            $0.waiting = []
            $0.isClosing = true
        }
        eventfd_write(wake, 1)
    }

    private func run(_ owner: Owner) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.receivedByteCount, alignment: 16)
        defer { buffer.deallocate() }
        var outgoing: [Bytes] = []
        while true {
            let (isClosing, isFull) = state.withLock { state in
                if outgoing.isEmpty { swap(&outgoing, &state.waiting) }
                return (state.isClosing, state.waitingByteCount > Self.maximumWaitingByteCount)
            }
            guard write(&outgoing) else { return }
            if outgoing.isEmpty {
                if state.withLock({ !$0.waiting.isEmpty }) { continue }
                if isClosing { return }
            }
            let deadline = owner.keepDeadlines(Monotonic.now)
            let interest = (isFull ? 0 : POLLIN) | (outgoing.isEmpty ? 0 : POLLOUT)
            var entries = [
                pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
                pollfd(fd: descriptor, events: Int16(interest), revents: 0),
            ]
            let patience = deadline.map { CInt(($0 - Monotonic.now).wholeMilliseconds) } ?? -1
            guard poll(&entries, 2, patience) >= 0 || errno == EINTR else { return }
            if entries[0].revents != 0 {
                var count: eventfd_t = 0
                eventfd_read(wake, &count)
            }
            guard entries[1].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 else { continue }
            let count = recv(descriptor, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT))
            if count > 0 {
                owner.received(Array(buffer[..<count])[...])
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                return
            }
        }
    }

    /// - Returns: `false` when the peer is gone.
    private func write(_ outgoing: inout [Bytes]) -> Bool {
        var sent = 0
        defer { if sent > 0 { state.withLock { $0.waitingByteCount -= sent } } }
        while let piece = outgoing.first {
            // More to come is told, so that header and data share a packet.
            let flags = CInt(MSG_NOSIGNAL | MSG_DONTWAIT) | (outgoing.count > 1 ? CInt(MSG_MORE) : 0)
            let count = piece.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, flags) }
            guard count >= 0 else {
                if errno == EINTR { continue }
                return errno == EAGAIN
            }
            sent += count
            if count == piece.count {
                outgoing.removeFirst()
            } else {
                outgoing[0].removeFirst(count)
            }
        }
        return true
    }
}
