import Glibc

/// A value behind a lock with a condition.
final class Monitor<Value>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value

    init(_ value: sending Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Changes the value and wakes all who wait.
    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// Waits until `body` gives something, at most `time`.
    func wait<Result>(atMost time: Duration? = nil, for body: (inout Value) -> Result?) -> Result? {
        var deadline = timespec()
        if let time {
            clock_gettime(CLOCK_MONOTONIC, &deadline)
            let nanoseconds = Int(time.components.attoseconds / 1_000_000_000) + deadline.tv_nsec
            deadline.tv_sec += Int(time.components.seconds) + nanoseconds / 1_000_000_000
            deadline.tv_nsec = nanoseconds % 1_000_000_000
        }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            if time == nil {
                pthread_cond_wait(condition, mutex)
            } else if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
                return body(&value)
            }
        }
    }
}

/// One value from one thread to another.
final class Signal<Value: Sendable>: Sendable {
    private let value = Monitor<Value?>(nil)
    func send(_ new: Value) { value.withLock { $0 = new } }
    func receive() -> Value { value.wait { $0 }! }
}

enum ServerThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a detached thread with every signal blocked: a client that hangs up while OpenSSL writes
    /// raises SIGPIPE, which must not end the process.
    ///
    /// - Returns: `false` when the system has no thread left.
    static func start(_ run: @escaping @Sendable () -> Void) -> Bool {
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
        guard pthread_create(&thread, &attributes, entry, body.toOpaque()) == 0 else {
            body.release()
            return false
        }
        return true
    }

    private static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
        Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run()
        return nil
    }
}
