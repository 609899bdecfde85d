import Glibc
package import VirtualMedia

/// How many descriptors this process may have open (RLIMIT_NOFILE): a connection is one.
package enum OpenFileLimit {
    /// What a process has open beside what it serves: libraries, event loops, threads' wake-ups.
    package static let forThisProgram = 64

    /// Raises the limit as far as this process may, so that a server runs into the limits with names of its own
    /// before it runs into this one.
    ///
    /// - Throws: EMFILE when it stays below `count`; what to do about it is said.
    package static func raise(atLeast count: Int) throws(SystemError) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw SystemError(errno, "ask how many files may be open")
        }
        let wanted = rlim_t(count)
        var raised = limit
        raised.rlim_cur = max(limit.rlim_max, wanted)
        // The upper limit is not ours to raise, unless we are root.
        raised.rlim_max = raised.rlim_cur
        if raised.rlim_cur == limit.rlim_cur { return }
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { return }
        guard limit.rlim_cur >= wanted else {
            throw SystemError(
                EMFILE,
                "have \(count) files open, where \(limit.rlim_max) are allowed (as root, 'ulimit -n \(count)' allows more)"
            )
        }
    }
}
