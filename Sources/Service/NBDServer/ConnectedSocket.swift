import Glibc
import Synchronization

/// A connected stream socket: blocking calls for the thread that owns it, and a way for others to end
/// them. SIGPIPE is blocked on that thread.
final class ConnectedSocket: Sendable {
    let number: CInt
    private let isOpen = Mutex(true)

    /// Takes over the descriptor.
    init(_ number: CInt) {
        self.number = number
        var one: CInt = 1
        // Only TCP knows it; a unix socket has nothing to delay.
        setsockopt(number, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
        enlargeSendBuffer()
        let flags = fcntl(number, F_GETFL)
        if flags & O_NONBLOCK != 0 { _ = fcntl(number, F_SETFL, flags & ~O_NONBLOCK) }
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    }

    /// Only of a unix socket: TCP finds the right size by itself, and stops doing so when told one.
    private func enlargeSendBuffer() {
        var domain: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(number, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0, domain == AF_UNIX else {
            return
        }
        // The system grants what net.core.wmem_max allows; less is only slower.
        var sendBytes = CInt(DataPlane.sendBufferBytes)
        setsockopt(number, SOL_SOCKET, SO_SNDBUF, &sendBytes, size)
    }

    /// What has arrived is still read; then comes the end.
    func stopReceiving() { whileOpen { shutdown($0, CInt(SHUT_RD)) } }

    /// Ends every call on the socket.
    func abort() { whileOpen { shutdown($0, CInt(SHUT_RDWR)) } }

    /// Only for the owning thread, last.
    func close() {
        isOpen.withLock { isOpen in
            guard isOpen else { return }
            isOpen = false
            Glibc.close(number)
        }
    }

    private func whileOpen(_ body: (CInt) -> CInt) {
        isOpen.withLock { isOpen in
            if isOpen { _ = body(number) }
        }
    }

    /// - Returns: bytes received, 0 at the end, or a negative errno.
    func receive(_ target: UnsafeMutableRawPointer, _ byteCount: Int, flags: CInt = 0) -> Int {
        while true {
            let count = recv(number, target, byteCount, flags)
            if count >= 0 { return count }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// Sends everything, waiting for room.
    func send(_ source: UnsafeRawPointer, _ byteCount: Int, more: Bool = false) -> Bool {
        var done = 0
        let flags = CInt(MSG_NOSIGNAL) | (more ? CInt(MSG_MORE) : 0)
        while done < byteCount {
            let count = Glibc.send(number, source + done, byteCount - done, flags)
            if count > 0 {
                done += count
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    func send(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { buffer in
            buffer.isEmpty || send(buffer.baseAddress!, buffer.count)
        }
    }

    /// Sends a part of a file without copying it through here.
    ///
    /// - Returns: false when the connection broke, or the file ended early: part of what was promised
    ///   may then be out, and only hanging up is left.
    func sendFile(_ file: CInt, at offset: UInt64, _ byteCount: Int) -> Bool {
        var position = off_t(offset)
        let end = position + off_t(byteCount)
        while position < end {
            let count = sendfile(number, file, &position, Int(end - position))
            if count == 0 { return false }
            if count < 0, errno != EINTR { return false }
        }
        return true
    }

    /// Waits for bytes, or the end.
    ///
    /// - Returns: false once the deadline (monotonic milliseconds) has passed.
    func waitReadable(until deadline: Int) -> Bool {
        while true {
            var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            let left = deadline - monotonicMilliseconds()
            guard left > 0 else { return false }
            if poll(&entry, 1, CInt(left)) > 0 { return true }
        }
    }
}
