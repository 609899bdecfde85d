/// A store whose calls return promptly on the calling thread and never suspend, so that a data-plane
/// thread may call it without leaving its loop. Its asynchronous face follows from these calls.
package protocol DirectBlockStore: BlockStore {
    func readNow(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError)
    func writeNow(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool) throws(StorageError)
    func flushNow() throws(StorageError)
    func trimNow(at offset: UInt64, byteCount: UInt64) throws(StorageError)
    func writeZeroesNow(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        throws(StorageError)
    func extentsNow(at offset: UInt64, byteCount: UInt64) throws(StorageError) -> [Extent]

    /// A descriptor whose bytes at `offset` are the store's, for sending without copying; `nil` when
    /// reads must go through ``readNow(into:at:)``. Valid until `close()`.
    var sendableDescriptor: CInt? { get }

    /// Checks what reading would find, before a reply is promised that ``sendableDescriptor`` must keep.
    func prepareToSend(at offset: UInt64, byteCount: UInt64) throws(StorageError)

    /// Told after bytes went out through ``sendableDescriptor``, for stores that count.
    func didSend(byteCount: Int)
}

extension DirectBlockStore {
    package var directAccess: (any DirectBlockStore)? { self }
    package func prepareToSend(at offset: UInt64, byteCount: UInt64) throws(StorageError) {}
    package func didSend(byteCount: Int) {}

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        async throws(StorageError)
    {
        try readNow(into: buffer, at: offset)
    }

    package func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    {
        try writeNow(buffer, at: offset, isDurable: isDurable)
    }

    package func flush() async throws(StorageError) { try flushNow() }

    package func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError) {
        try trimNow(at: offset, byteCount: byteCount)
    }

    package func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    {
        try writeZeroesNow(
            at: offset, byteCount: byteCount, mayPunchHole: mayPunchHole, isDurable: isDurable)
    }

    package func extents(at offset: UInt64, byteCount: UInt64) async throws(StorageError) -> [Extent] {
        try extentsNow(at: offset, byteCount: byteCount)
    }
}
