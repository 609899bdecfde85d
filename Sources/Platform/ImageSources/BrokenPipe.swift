import Glibc

/// OpenSSL writes to sockets without MSG_NOSIGNAL, and a peer that hangs up must be an error, not the
/// end of the process: SIGPIPE is kept from the calling thread meanwhile, whoever's thread it is.
enum BrokenPipe {
    static func suppressed<Result>(_ body: () -> Result) -> Result {
        var signal = sigset_t()
        var previous = sigset_t()
        sigemptyset(&signal)
        sigaddset(&signal, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signal, &previous)
        let result = body()
        if sigismember(&previous, SIGPIPE) == 0 {
            // What was raised meanwhile is for this thread alone; unblocked, it would kill.
            var now = timespec()
            while sigtimedwait(&signal, nil, &now) == -1 && errno == EINTR {}
            pthread_sigmask(SIG_SETMASK, &previous, nil)
        }
        return result
    }
}
