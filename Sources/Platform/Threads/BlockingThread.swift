import CLinux
import Glibc

/// A detached thread for work that waits in system calls.
///
/// No signal is delivered to it. SIGPIPE above all: OpenSSL writes to sockets without MSG_NOSIGNAL, and a
/// peer that hangs up must be an error, not the end of the process.
package enum BlockingThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void
        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// - Parameter name: Shown by the system's tools, cut at 15 bytes.
    /// - Returns: `false` when the system has no thread left.
    package static func start(_ name: String, _ run: @escaping @Sendable () -> Void) -> Bool {
        var blocked = sigset_t()
        var previous = sigset_t()
        sigfillset(&blocked)
        for fatal in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP] { sigdelset(&blocked, fatal) }
        // The new thread inherits the mask, so there is no moment without it.
        pthread_sigmask(SIG_SETMASK, &blocked, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(name: name, run: run))
        guard pthread_create(&thread, &attributes, entry, body.toOpaque()) == 0 else {
            body.release()
            return false
        }
        return true
    }

    /// Runs `body` on a thread of its own and suspends until it is done.
    ///
    /// - Returns: `nil` when the system has no thread left.
    package static func value<Value: Sendable>(_ name: String, _ body: @escaping @Sendable () -> Value)
        async -> Value?
    {
        await withCheckedContinuation { (continuation: CheckedContinuation<Value?, Never>) in
            let isStarted = start(name) { continuation.resume(returning: body()) }
            if !isStarted { continuation.resume(returning: nil) }
        }
    }

    private static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
        context in
        let body = Unmanaged<Body>.fromOpaque(context!).takeRetainedValue()
        clinux_name_thread(String(body.name.prefix(15)))
        body.run()
        return nil
    }
}
