import Synchronization

/// Bytes in memory, in chunks that exist only where something was written: a medium of terabytes
/// costs what is put on it.
package final class MemoryStore: DirectBlockStore {
    package static let chunkBytes = 64 << 10

    package let byteCount: UInt64
    package let isReadOnly: Bool
    private let chunks = Mutex<[UInt64: [UInt8]]>([:])

    /// - Precondition: at most 2^63 - 1 bytes, as NBD and files have it too.
    package init(byteCount: UInt64) {
        precondition(byteCount <= UInt64(Int64.max), "\(byteCount) bytes are no medium")
        self.byteCount = byteCount
        isReadOnly = false
    }

    package init(_ bytes: [UInt8], isReadOnly: Bool = false) {
        byteCount = UInt64(bytes.count)
        self.isReadOnly = isReadOnly
        bytes.withUnsafeBytes { copyIn($0, at: 0) }
    }

    package var capabilities: StoreCapabilities {
        [.flush, .trim, .writeZeroes, .multiConnect, .extents, .fastZero]
    }

    package var sendableDescriptor: CInt? { nil }

    /// What the written chunks take.
    package var allocatedBytes: UInt64 {
        chunks.withLock { UInt64($0.count) } * UInt64(Self.chunkBytes)
    }

    package func readNow(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(StorageError)
    {
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "read")
        nonisolated(unsafe) let buffer = buffer
        chunks.withLock { chunks in
            for piece in ChunkPiece.split(at: offset, byteCount: UInt64(buffer.count), Self.chunkBytes) {
                let target = UnsafeMutableRawBufferPointer(rebasing: buffer[piece.inRange])
                if let chunk = chunks[piece.chunk] {
                    chunk.withUnsafeBytes { target.copyMemory(from: .init(rebasing: $0[piece.inChunk])) }
                } else {
                    target.initializeMemory(as: UInt8.self, repeating: 0)
                }
            }
        }
    }

    package func writeNow(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        throws(StorageError)
    {
        try checkWritable(during: "write")
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "write")
        copyIn(buffer, at: offset)
    }

    package func flushNow() throws(StorageError) {}

    package func trimNow(at offset: UInt64, byteCount: UInt64) throws(StorageError) {
        try writeZeroesNow(at: offset, byteCount: byteCount, mayPunchHole: true, isDurable: false)
    }

    package func writeZeroesNow(
        at offset: UInt64, byteCount count: UInt64, mayPunchHole: Bool, isDurable: Bool
    ) throws(StorageError) {
        try checkWritable(during: "zero")
        try checkRange(at: offset, byteCount: count, during: "zero")
        chunks.withLock { chunks in
            for index in Self.present(chunks, at: offset, byteCount: count) {
                let piece = ChunkPiece(chunk: index, at: offset, byteCount: count, Self.chunkBytes)
                if mayPunchHole, piece.inChunk.count == Self.chunkBytes {
                    chunks[index] = nil
                } else {
                    // What was allocated stays so; what was not is not worth allocating for zeroes.
                    chunks[index]?.replaceSubrange(
                        piece.inChunk, with: repeatElement(0, count: piece.inChunk.count))
                }
            }
        }
    }

    package func extentsNow(at offset: UInt64, byteCount count: UInt64) throws(StorageError) -> [Extent] {
        try checkRange(at: offset, byteCount: count, during: "map")
        var runs = ExtentBuilder()
        let present = chunks.withLock { Self.present($0, at: offset, byteCount: count) }
        var position = offset
        for index in present {
            let piece = ChunkPiece(chunk: index, at: offset, byteCount: count, Self.chunkBytes)
            let start = offset + UInt64(piece.inRange.lowerBound)
            runs.append(start - position, isHole: true, readsAsZero: true)
            runs.append(UInt64(piece.inRange.count), isHole: false, readsAsZero: false)
            position = offset + UInt64(piece.inRange.upperBound)
        }
        runs.append(offset + count - position, isHole: true, readsAsZero: true)
        return runs.extents
    }

    package func close() async {}

    private func copyIn(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) {
        nonisolated(unsafe) let buffer = buffer
        chunks.withLock { chunks in
            for piece in ChunkPiece.split(at: offset, byteCount: UInt64(buffer.count), Self.chunkBytes) {
                let source = UnsafeRawBufferPointer(rebasing: buffer[piece.inRange])
                chunks[piece.chunk, default: Array(repeating: 0, count: Self.chunkBytes)]
                    .withUnsafeMutableBytes {
                        UnsafeMutableRawBufferPointer(rebasing: $0[piece.inChunk]).copyMemory(from: source)
                    }
            }
        }
    }

    /// The written chunks that the range touches, in order; walks whichever is shorter, the range or
    /// the chunks.
    private static func present(_ chunks: [UInt64: [UInt8]], at offset: UInt64, byteCount: UInt64)
        -> [UInt64]
    {
        guard byteCount > 0 else { return [] }
        let range = offset / UInt64(chunkBytes)...(offset + byteCount - 1) / UInt64(chunkBytes)
        if range.upperBound - range.lowerBound < UInt64(chunks.count) {
            return range.filter { chunks[$0] != nil }
        }
        return chunks.keys.filter { range.contains($0) }.sorted()
    }
}
