import Glibc

/// The errnos that decide something here.
enum Errno {
    static let noEntry = ENOENT
    static let busy = EBUSY
    static let noDevice = ENODEV
    static let connectionRefused = ECONNREFUSED
    static let notASocket = ENOTSOCK
    static let nameTooLong = ENAMETOOLONG
    static let accessDenied = EACCES
    static let timedOut = ETIMEDOUT
    static let brokenPipe = EPIPE
    static let connectionReset = ECONNRESET
}
