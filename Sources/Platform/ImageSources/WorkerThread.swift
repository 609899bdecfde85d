import Glibc

/// A detached thread that may block.
enum WorkerThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Signals are left to the program's own threads. SIGPIPE above all: OpenSSL writes to sockets
    /// without MSG_NOSIGNAL, and a server that hangs up must be an error, not the end of the process.
    ///
    /// - Parameter name: For the message when the system has no thread left.
    static func start(_ name: String, _ run: @escaping @Sendable () -> Void) {
        var blocked = sigset_t()
        var previous = sigset_t()
        sigfillset(&blocked)
        for fatal in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP] { sigdelset(&blocked, fatal) }
        pthread_sigmask(SIG_SETMASK, &blocked, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let error = pthread_create(&thread, &attributes, entry, body.toOpaque())
        precondition(error == 0, "no thread \(name): \(String(cString: strerror(error)))")
    }

    private static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
        Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run()
        return nil
    }
}
