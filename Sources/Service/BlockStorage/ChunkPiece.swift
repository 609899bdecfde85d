/// The part of a byte range that lies in one fixed-size chunk.
struct ChunkPiece {
    let chunk: UInt64
    /// Bytes within the chunk.
    let inChunk: Range<Int>
    /// The same bytes, counted from the start of the range.
    let inRange: Range<Int>

    /// - Precondition: the range touches `chunk`.
    init(chunk: UInt64, at offset: UInt64, byteCount: UInt64, _ chunkBytes: Int) {
        let chunkStart = chunk * UInt64(chunkBytes)
        let start = max(offset, chunkStart)
        // Not chunkStart + chunkBytes, which overflows in the last chunk of the address space.
        let end = chunkStart + min(UInt64(chunkBytes), offset + byteCount - chunkStart)
        precondition(start < end, "chunk \(chunk) is not touched")
        self.chunk = chunk
        inChunk = Int(start - chunkStart)..<Int(end - chunkStart)
        inRange = Int(start - offset)..<Int(end - offset)
    }

    /// The pieces of a range, in order.
    static func split(at offset: UInt64, byteCount: UInt64, _ chunkBytes: Int)
        -> LazyMapSequence<Range<UInt64>, ChunkPiece>
    {
        let first = offset / UInt64(chunkBytes)
        let last = byteCount == 0 ? first : (offset + byteCount - 1) / UInt64(chunkBytes) + 1
        return (first..<last).lazy.map { chunk in
            ChunkPiece(chunk: chunk, at: offset, byteCount: byteCount, chunkBytes)
        }
    }
}

/// Joins neighbours of one kind and leaves out empty runs.
struct ExtentBuilder {
    private(set) var extents: [Extent] = []

    mutating func append(_ byteCount: UInt64, isHole: Bool, readsAsZero: Bool) {
        guard byteCount > 0 else { return }
        if let last = extents.last, last.isHole == isHole, last.readsAsZero == readsAsZero {
            extents[extents.count - 1].byteCount += byteCount
        } else {
            extents.append(Extent(byteCount: byteCount, isHole: isHole, readsAsZero: readsAsZero))
        }
    }
}
