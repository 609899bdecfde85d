import CLinux
import Glibc

/// How the C library's heap treats large chunks of memory.
enum HeapMemory {
    /// From here on a chunk is mapped by itself. A transfer of the emulated host and a segment of its page
    /// cache are 1 MiB: mapping, clearing and unmapping each of them anew cost a tenth of the processor
    /// time of `verify`.
    private static let mappedBytes: CInt = 32 << 20
    /// Freed memory that the heap keeps; the page cache has its own limit, far below.
    private static let keptBytes: CInt = 64 << 20

    /// For commands that move images through memory of their own.
    static func keepForReuse() {
        mallopt(M_MMAP_THRESHOLD, mappedBytes)
        mallopt(M_TRIM_THRESHOLD, keptBytes)
    }
}
