import Glibc

/// A value behind a lock, with a condition that threads can wait on.
package final class Monitor<Value>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value

    package init(_ value: sending Value) {
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

    package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }

    /// Changes the value and wakes all who wait.
    package func change<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        defer { notifyAll() }
        return try withLock(body)
    }

    /// Waits until `body` gives something; it is tried again after each notification.
    package func wait<Result>(for body: (inout Value) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            pthread_cond_wait(condition, mutex)
        }
    }

    /// The same for at most `time`; then what `body` gives last.
    package func wait<Result>(atMost time: Duration, for body: (inout Value) -> Result?) -> Result? {
        var deadline = timespec()
        let end = (Monotonic.now + time).components
        deadline.tv_sec = Int(end.seconds)
        deadline.tv_nsec = Int(end.attoseconds / 1_000_000_000)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { return body(&value) }
        }
    }

    /// Wakes one thread that waits.
    package func notifyOne() { pthread_cond_signal(condition) }

    /// Wakes all threads that wait.
    package func notifyAll() { pthread_cond_broadcast(condition) }
}
