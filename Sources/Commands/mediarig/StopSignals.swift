import CLinux
import Glibc

/// SIGINT and SIGTERM as something to wait for.
struct StopSignals {
    init() {
        Self.event = eventfd(0, CInt(EFD_CLOEXEC))
        precondition(Self.event >= 0, "no descriptor left")
        signal(SIGINT, Self.handler)
        signal(SIGTERM, Self.handler)
        // Whoever started us may have had them blocked.
        var both = sigset_t()
        sigemptyset(&both)
        sigaddset(&both, SIGINT)
        sigaddset(&both, SIGTERM)
        pthread_sigmask(SIG_UNBLOCK, &both, nil)
    }

    /// Blocks until one of them has come.
    func wait() {
        var count: eventfd_t = 0
        while eventfd_read(Self.event, &count) != 0 && errno == EINTR {}
    }

    /// Written once, before the handler that reads it is set.
    private nonisolated(unsafe) static var event: CInt = -1

    /// Only calls what may be called from a signal handler (signal-safety(7)).
    private static let handler: @convention(c) (CInt) -> Void = { _ in eventfd_write(event, 1) }
}
