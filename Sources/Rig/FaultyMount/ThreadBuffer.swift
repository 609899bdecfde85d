import Glibc

/// Memory for one read at a time, one piece per thread, kept until the thread ends: a fresh one for each
/// read costs more than the read.
enum ThreadBuffer {
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let status = pthread_key_create(&key) { free($0) }
        precondition(status == 0, "no thread-specific data left")
        return key
    }()

    /// What the kernel asks for at most.
    static let byteCount = 1 << 20

    /// At least `byteCount` bytes, valid until this thread asks again.
    static func bytes(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
        precondition(byteCount <= Self.byteCount, "a read of \(byteCount) bytes")
        if let known = pthread_getspecific(key) {
            return UnsafeMutableRawBufferPointer(start: known, count: byteCount)
        }
        var fresh: UnsafeMutableRawPointer?
        let status = posix_memalign(&fresh, 4096, Self.byteCount)
        precondition(status == 0, "no memory for a buffer")
        pthread_setspecific(key, fresh)
        return UnsafeMutableRawBufferPointer(start: fresh, count: byteCount)
    }
}
