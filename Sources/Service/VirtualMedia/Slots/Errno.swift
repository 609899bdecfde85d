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

extension SystemError {
    /// A step that took too long may wake up much later, when what it was to remove has gone and the next
    /// medium has the same names: from its cancellation on it touches nothing.
    static func checkGivenUp(before operation: String) throws(SystemError) {
        if Task.isCancelled { throw SystemError(Errno.timedOut, "\(operation), given up") }
    }
}
