import CLinux
import Glibc
import Threads

/// The signals that a service is sent, as something to wait for.
///
/// They are taken by a handler: blocking them and waiting would not do, since the main thread of a Swift
/// program sleeps with all signals unblocked (libdispatch's `dispatch_main`).
package enum ProcessSignals {
    private static let handled = [SIGTERM, SIGINT, SIGHUP]
    /// Both ends of a pipe, written once, before the handler that uses them is set.
    private nonisolated(unsafe) static var readEnd: CInt = -1
    private nonisolated(unsafe) static var writeEnd: CInt = -1

    /// Notes each of them from now on, and ignores SIGPIPE. Once in a process.
    package static func take() {
        precondition(readEnd < 0, "signals are taken already")
        signal(SIGPIPE, SIG_IGN)
        var ends: [CInt] = [-1, -1]
        precondition(pipe2(&ends, O_CLOEXEC) == 0, "pipe: \(String(cString: strerror(errno)))")
        (readEnd, writeEnd) = (ends[0], ends[1])
        // A handler that waits could wait for ever: a pipe's worth of signals is enough.
        _ = fcntl(writeEnd, F_SETFL, O_NONBLOCK)
        var set = sigset_t()
        sigemptyset(&set)
        for number in handled {
            signal(number, handler)
            sigaddset(&set, number)
        }
        // Whoever started us may have had them blocked.
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// Each signal that has come since ``take()``, in order. For one listener.
    package static func stream() -> AsyncStream<CInt> {
        let (stream, continuation) = AsyncStream.makeStream(of: CInt.self)
        let source = readEnd
        let isStarted = BlockingThread.start("signals") {
            var byte: UInt8 = 0
            while true {
                let count = read(source, &byte, 1)
                if count < 0, errno == EINTR { continue }
                guard count == 1 else { return }
                if case .terminated = continuation.yield(CInt(byte)) { return }
            }
        }
        precondition(isStarted, "no thread left for signals")
        return stream
    }

    /// Only calls what may be called from a signal handler (signal-safety(7)).
    private static let handler: @convention(c) (CInt) -> Void = { number in
        let saved = errno
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(writeEnd, &byte, 1)
        errno = saved
    }
}
