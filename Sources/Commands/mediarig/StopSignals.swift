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
    ///
    /// - Returns: which; SIGTERM where both have.
    @discardableResult
    func wait() -> CInt {
        var sum: eventfd_t = 0
        while eventfd_read(Self.event, &sum) != 0 && errno == EINTR {}
        return sum == eventfd_t(SIGINT) ? SIGINT : SIGTERM
    }

    /// Written once, before the handler that reads it is set.
    private nonisolated(unsafe) static var event: CInt = -1

    /// Only calls what may be called from a signal handler (signal-safety(7)).
    private static let handler: @convention(c) (CInt) -> Void = { eventfd_write(event, eventfd_t($0)) }
}
