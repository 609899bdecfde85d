import Glibc
import Synchronization

/// What is remembered of one file of the store: the size faults gave it, what its last writes replaced,
/// and when its next byte may move.
final class FileState: Sendable {
    /// What a write replaced.
    struct Replaced {
        var offset: UInt64
        var bytes: [UInt8]
        /// Of the file, before the write.
        var fileBytes: UInt64
    }

    struct Content {
        /// Instead of the true size.
        var shownBytes: UInt64?
        /// Which other content it has; 0 for its own.
        var generation: Int64 = 0
        /// When a fault last changed size or content, in nanoseconds since 1970.
        var changedAt: Int64?
        /// Writes that no sync has followed, oldest first.
        var unsynced: [Replaced] = []
        var unsyncedBytes = 0
        var lastReplaced: Replaced?
        /// On the store's clock.
        var nextByteAt = Duration.zero
    }

    let path: String
    let content = Mutex(Content())

    /// - Parameter path: Of the file that keeps the bytes, as first seen.
    init(path: String) { self.path = path }

    /// Takes the next free time for so many bytes.
    ///
    /// - Returns: how long they take from `now` on, what is before them included.
    func reserve(byteCount: Int, bytesPerSecond: Int, now: Duration) -> Duration {
        content.withLock { content in
            let start = max(content.nextByteAt, now)
            content.nextByteAt =
                start
                + .nanoseconds(Int64(Double(byteCount) / Double(max(1, bytesPerSecond)) * 1e9))
            return content.nextByteAt - now
        }
    }

    /// Remembers what a write replaces.
    ///
    /// - Parameter limit: More unsynced bytes than this in one file, and the oldest count as written back.
    func remember(_ replaced: Replaced, isSynced: Bool, limit: Int) {
        content.withLock { content in
            content.lastReplaced = replaced
            guard !isSynced else { return }
            content.unsynced.append(replaced)
            content.unsyncedBytes += replaced.bytes.count
            while content.unsyncedBytes > limit, content.unsynced.count > 1 {
                content.unsyncedBytes -= content.unsynced.removeFirst().bytes.count
            }
        }
    }

    func forgetUnsynced() {
        content.withLock { content in
            content.unsynced = []
            content.unsyncedBytes = 0
        }
    }

    /// Overwrites those of `data`'s bytes that the last write replaced with what was there before.
    ///
    /// - Parameter offset: Of `data` in the file.
    func copyEarlier(to data: UnsafeMutableRawBufferPointer, at offset: UInt64) {
        guard let replaced = content.withLock({ $0.lastReplaced }) else { return }
        let start = max(offset, replaced.offset)
        let end = min(offset + UInt64(data.count), replaced.offset + UInt64(replaced.bytes.count))
        guard start < end else { return }
        for position in start..<end {
            data[Int(position - offset)] = replaced.bytes[Int(position - replaced.offset)]
        }
    }
}
