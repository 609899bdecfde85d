/// Any store, for reading only.
package final class ReadOnlyStore: BlockStore {
    private let base: any BlockStore
    package let directAccess: (any DirectBlockStore)?

    package init(_ base: any BlockStore) {
        self.base = base
        directAccess = base.directAccess.map { DirectReadOnlyStore($0) }
    }

    package var byteCount: UInt64 { base.byteCount }
    package var isReadOnly: Bool { true }
    package var capabilities: StoreCapabilities {
        base.capabilities.subtracting([.trim, .writeZeroes, .fastZero])
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        async throws(StorageError)
    {
        try await base.read(into: buffer, at: offset)
    }

    package func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    {
        try checkWritable(during: "write")
    }

    package func flush() async throws(StorageError) { try await base.flush() }

    package func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError) {
        try checkWritable(during: "trim")
    }

    package func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    {
        try checkWritable(during: "zero")
    }

    package func extents(at offset: UInt64, byteCount: UInt64) async throws(StorageError) -> [Extent] {
        try await base.extents(at: offset, byteCount: byteCount)
    }

    package func close() async { await base.close() }
}

private final class DirectReadOnlyStore: DirectBlockStore {
    private let base: any DirectBlockStore

    init(_ base: any DirectBlockStore) { self.base = base }

    var byteCount: UInt64 { base.byteCount }
    var isReadOnly: Bool { true }
    var capabilities: StoreCapabilities { base.capabilities.subtracting([.trim, .writeZeroes, .fastZero]) }
    var sendableDescriptor: CInt? { base.sendableDescriptor }
    func didSend(byteCount: Int) { base.didSend(byteCount: byteCount) }

    func prepareToSend(at offset: UInt64, byteCount: UInt64) throws(StorageError) {
        try base.prepareToSend(at: offset, byteCount: byteCount)
    }

    func readNow(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) {
        try base.readNow(into: buffer, at: offset)
    }

    func writeNow(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        throws(StorageError)
    {
        try checkWritable(during: "write")
    }

    func flushNow() throws(StorageError) { try base.flushNow() }

    func trimNow(at offset: UInt64, byteCount: UInt64) throws(StorageError) {
        try checkWritable(during: "trim")
    }

    func writeZeroesNow(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        throws(StorageError)
    {
        try checkWritable(during: "zero")
    }

    func extentsNow(at offset: UInt64, byteCount: UInt64) throws(StorageError) -> [Extent] {
        try base.extentsNow(at: offset, byteCount: byteCount)
    }

    func close() async { await base.close() }
}
