internal import COpenSSL
import Glibc

/// One accepted socket with TLS on it. Used by one thread; ``interrupt()`` may come from any.
final class TLSConnection: @unchecked Sendable {
    private let socket: CInt
    private let session: OpaquePointer

    /// Takes over `socket`.
    init?(socket: CInt, context: TLSServerContext) {
        guard let session = context.newSession(), SSL_set_fd(session, socket) == 1 else { return nil }
        self.socket = socket
        self.session = session
    }

    deinit {
        SSL_free(session)
        Glibc.close(socket)
        // Errors are per thread, and the next connection's shall not be blamed on this one.
        ERR_clear_error()
    }

    func handshake() -> Bool { SSL_accept(session) == 1 }

    /// Ends the handshake on the way, once the client has spoken.
    func breakHandshake(_ end: HandshakeFaults.End) {
        switch end {
        case .alert(let number):
            _ = greeting()
            // A record of type alert: fatal, and its number (RFC 8446 §5.1, §6).
            sendPlainly([21, 3, 3, 0, 2, 2, number])
            shutdown(socket, CInt(SHUT_WR))
            _ = waitForHangUp(milliseconds: Self.farewellMilliseconds)
        case .closes(let count): sendPlainly(Array(firstFlight().prefix(count)))
        case .resets(let count):
            sendPlainly(Array(firstFlight().prefix(count)))
            resetOnClose()
        }
    }

    /// How long a client may take to read an alert.
    private static let farewellMilliseconds: CInt = 2000
    /// More than any client's first words.
    private static let greetingBytes = 16 << 10

    private func greeting() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.greetingBytes) { buffer, count in
            count = max(0, recv(socket, buffer.baseAddress, buffer.count, 0))
        }
    }

    /// What the server would answer to the client's first words.
    private func firstFlight() -> [UInt8] {
        let words = greeting()
        guard let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else { return [] }
        // The session takes over both.
        SSL_set_bio(session, input, output)
        BIO_write(input, words, CInt(words.count))
        SSL_accept(session)
        return [UInt8](unsafeUninitializedCapacity: Self.greetingBytes) { buffer, count in
            count = Int(max(0, BIO_read(output, buffer.baseAddress, CInt(buffer.count))))
        }
    }

    private func sendPlainly(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    }

    /// - Returns: 0 at the end of the stream, on errors, and when the time is up.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        max(0, Int(SSL_read(session, buffer.baseAddress, CInt(min(buffer.count, Int(CInt.max))))))
    }

    /// - Returns: whether everything was handed to the system.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard !bytes.isEmpty else { return true }
        return SSL_write(session, bytes.baseAddress, CInt(bytes.count)) == CInt(bytes.count)
    }

    func write(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes(write) }

    /// Tells the peer that no more follows.
    func sendCloseNotify() { SSL_shutdown(session) }

    /// Makes the end of this connection a TCP reset instead of an orderly end.
    func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// - Returns: whether the peer hung up within the time.
    func waitForHangUp(milliseconds: CInt) -> Bool {
        // POLLRDHUP is a GNU extension that Glibc's Swift face lacks.
        let hungUp: Int16 = 0x2000
        var item = pollfd(fd: socket, events: hungUp, revents: 0)
        return poll(&item, 1, milliseconds) > 0
    }

    /// Ends whatever the connection's thread waits for.
    func interrupt() { shutdown(socket, CInt(SHUT_RDWR)) }
}
