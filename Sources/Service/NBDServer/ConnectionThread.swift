import CLinux
import Glibc

/// A joinable thread that no signal is delivered to: signals belong to the program's own threads, and
/// a broken pipe must be an error code here.
enum ConnectionThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void
        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// - Returns: `nil`, with errno set, when the system has no thread left.
    static func start(_ name: String, _ run: @escaping @Sendable () -> Void) -> pthread_t? {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, DataPlane.stackBytes)
        let body = Unmanaged.passRetained(Body(name, run))
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        // The new thread inherits the mask, so there is no moment without it.
        pthread_sigmask(SIG_SETMASK, &all, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var thread = pthread_t()
        let status = pthread_create(&thread, &attributes, entry, body.toOpaque())
        guard status == 0 else {
            body.release()
            errno = status
            return nil
        }
        return thread
    }

    private static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
        context in
        let body = Unmanaged<Body>.fromOpaque(context!).takeRetainedValue()
        clinux_name_thread(String(body.name.prefix(15)))
        body.run()
        return nil
    }
}

/// Monotonic milliseconds, for limits inside blocking calls.
func monotonicMilliseconds() -> Int {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}
