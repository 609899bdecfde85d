import Glibc
import Synchronization

/// A base that is only read, with what is written kept beside it, chunk by chunk.
///
/// A chunk lives wholly in the base or wholly in the delta; the first write that covers only part of
/// one copies it up. Changes are made one at a time, in order of their calls; reads never wait.
package final class OverlayStore: BlockStore {
    package static let chunkBytes = 64 << 10

    private let base: any BlockStore
    private let delta: any BlockStore
    private let changedChunks: Mutex<ChunkSet>
    private let changes = AsyncLock()

    /// - Parameter delta: As large as the base, writable, and all zeroes.
    package init(base: any BlockStore, delta: any BlockStore) {
        precondition(delta.byteCount == base.byteCount, "the delta must be as large as the base")
        precondition(!delta.isReadOnly, "the delta must be writable")
        self.base = base
        self.delta = delta
        let chunkCount = (base.byteCount + UInt64(Self.chunkBytes) - 1) / UInt64(Self.chunkBytes)
        changedChunks = Mutex(ChunkSet(count: Int(chunkCount)))
    }

    /// Changes are kept in memory and are gone with the store.
    package static func inMemory(over base: any BlockStore) -> OverlayStore {
        OverlayStore(base: base, delta: MemoryStore(byteCount: base.byteCount))
    }

    /// Changes are kept in a sparse file without a name, which is gone with the store.
    package static func inTemporaryFile(over base: any BlockStore, folder: String = "/var/tmp")
        throws(FileStoreError) -> OverlayStore
    {
        OverlayStore(base: base, delta: try FileStore.temporary(byteCount: base.byteCount, folder: folder))
    }

    package var byteCount: UInt64 { base.byteCount }
    package var isReadOnly: Bool { false }
    package var capabilities: StoreCapabilities { [.flush, .trim, .writeZeroes, .multiConnect, .extents] }

    /// What differs, or may differ, from the base.
    package var changedBytes: UInt64 {
        changedChunks.withLock { UInt64($0.memberCount) } * UInt64(Self.chunkBytes)
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        async throws(StorageError)
    {
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "read")
        for run in runs(at: offset, byteCount: UInt64(buffer.count)) {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[run.range])
            let store = run.isChanged ? delta : base
            try await store.read(into: part, at: offset + UInt64(run.range.lowerBound))
        }
    }

    package func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    {
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "write")
        try await changes.whileHeld { () async throws(StorageError) in
            try await copyUpEdges(at: offset, byteCount: UInt64(buffer.count))
            try await delta.write(buffer, at: offset, isDurable: isDurable)
            markChanged(at: offset, byteCount: UInt64(buffer.count))
        }
    }

    package func flush() async throws(StorageError) { try await delta.flush() }

    package func trim(at offset: UInt64, byteCount count: UInt64) async throws(StorageError) {
        // Reads of a trimmed range are undefined: to go on showing the base costs nothing.
        try checkRange(at: offset, byteCount: count, during: "trim")
    }

    package func writeZeroes(at offset: UInt64, byteCount count: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    {
        try checkRange(at: offset, byteCount: count, during: "zero")
        try await changes.whileHeld { () async throws(StorageError) in
            try await copyUpEdges(at: offset, byteCount: count)
            try await delta.writeZeroes(
                at: offset, byteCount: count, mayPunchHole: mayPunchHole, isDurable: isDurable)
            markChanged(at: offset, byteCount: count)
        }
    }

    package func extents(at offset: UInt64, byteCount count: UInt64) async throws(StorageError) -> [Extent] {
        try checkRange(at: offset, byteCount: count, during: "map")
        var joined = ExtentBuilder()
        for run in runs(at: offset, byteCount: count) {
            let store = run.isChanged ? delta : base
            var left = UInt64(run.range.count)
            while left > 0 {
                let start = offset + UInt64(run.range.upperBound) - left
                for extent in try await store.extents(at: start, byteCount: left) where left > 0 {
                    let part = min(left, extent.byteCount)
                    joined.append(part, isHole: extent.isHole, readsAsZero: extent.readsAsZero)
                    left -= part
                }
                if joined.extents.count >= FileStore.maximumExtents { return joined.extents }
            }
        }
        return joined.extents
    }

    package func close() async {
        await base.close()
        await delta.close()
    }
}

extension OverlayStore {
    private struct Run {
        var isChanged: Bool
        var range: Range<Int>
    }

    /// The range cut where it changes between base and delta.
    private func runs(at offset: UInt64, byteCount: UInt64) -> [Run] {
        var runs: [Run] = []
        changedChunks.withLock { changed in
            for piece in ChunkPiece.split(at: offset, byteCount: byteCount, Self.chunkBytes) {
                let isChanged = changed.contains(piece.chunk)
                if let last = runs.last, last.isChanged == isChanged {
                    runs[runs.count - 1].range = last.range.lowerBound..<piece.inRange.upperBound
                } else {
                    runs.append(Run(isChanged: isChanged, range: piece.inRange))
                }
            }
        }
        return runs
    }

    /// Copies what the base has around the range into the delta: first and last chunk, where the
    /// range covers them in part.
    private func copyUpEdges(at offset: UInt64, byteCount count: UInt64) async throws(StorageError) {
        guard count > 0 else { return }
        let chunk = UInt64(Self.chunkBytes)
        for index in Set([offset / chunk, (offset + count - 1) / chunk]).sorted() {
            let start = index * chunk
            let end = min(start + chunk, byteCount)
            let isCovered = offset <= start && offset + count >= end
            guard !isCovered, !changedChunks.withLock({ $0.contains(index) }) else { continue }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(end - start), alignment: 4096)
            defer { buffer.deallocate() }
            try await base.read(into: buffer, at: start)
            try await delta.write(UnsafeRawBufferPointer(buffer), at: start, isDurable: false)
            // Marked before the write proper: should that fail, the chunk still reads as the base.
            changedChunks.withLock { $0.insert(index) }
        }
    }

    private func markChanged(at offset: UInt64, byteCount count: UInt64) {
        guard count > 0 else { return }
        let chunk = UInt64(Self.chunkBytes)
        changedChunks.withLock { changed in
            for index in offset / chunk...(offset + count - 1) / chunk { changed.insert(index) }
        }
    }
}

/// A bit per chunk.
private struct ChunkSet {
    private var words: [UInt64]
    private(set) var memberCount = 0

    init(count: Int) { words = Array(repeating: 0, count: (count + 63) / 64) }

    func contains(_ index: UInt64) -> Bool { words[Int(index >> 6)] & 1 << (index & 63) != 0 }

    mutating func insert(_ index: UInt64) {
        guard !contains(index) else { return }
        words[Int(index >> 6)] |= 1 << (index & 63)
        memberCount += 1
    }
}
