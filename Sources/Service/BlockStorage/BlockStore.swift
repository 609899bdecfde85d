/// Random access to the bytes of a medium: an image file, a remote image, an overlay, memory.
///
/// Methods run where their caller runs (`nonisolated(nonsending)`, the package default) and may
/// suspend; a store that waits for a network or a virtual clock suspends, one that reads a local
/// file does not (see ``DirectBlockStore``). Any number of calls may be in flight at once.
package protocol BlockStore: AnyObject, Sendable {
    /// Fixed for the life of the store, whatever happens to what is behind it.
    var byteCount: UInt64 { get }
    var isReadOnly: Bool { get }
    var capabilities: StoreCapabilities { get }
    /// The same store for callers that may not suspend; `nil` where a call may have to wait.
    var directAccess: (any DirectBlockStore)? { get }

    /// Fills all of `buffer` from `offset` on, or throws: never short, never partly.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) async throws(StorageError)

    /// Writes all of `buffer`. With `isDurable`, it returns only once the bytes are on the medium.
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)

    /// Returns once every write that completed before the call is on the medium.
    func flush() async throws(StorageError)

    /// Says that the range is no longer needed; what it reads as afterwards is undefined.
    func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError)

    /// Makes the range read as zeroes; with `mayPunchHole` it need not stay allocated.
    func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)

    /// Runs of data and holes that cover the range from its start; at least one, in order, and the
    /// last may reach past the end of the range.
    func extents(at offset: UInt64, byteCount: UInt64) async throws(StorageError) -> [Extent]

    /// Lets go of what is behind the store. Calls in flight fail; later ones are a programming error.
    func close() async
}

package struct StoreCapabilities: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let flush = StoreCapabilities(rawValue: 1 << 0)
    package static let trim = StoreCapabilities(rawValue: 1 << 1)
    package static let writeZeroes = StoreCapabilities(rawValue: 1 << 2)
    /// Several connections see each other's completed writes, flushed or not.
    package static let multiConnect = StoreCapabilities(rawValue: 1 << 3)
    package static let extents = StoreCapabilities(rawValue: 1 << 4)
    /// Zeroing is never slower than writing zeroes would be.
    package static let fastZero = StoreCapabilities(rawValue: 1 << 5)
}

/// A run of bytes of one kind.
package struct Extent: Equatable, Sendable {
    package var byteCount: UInt64
    package var isHole: Bool
    package var readsAsZero: Bool

    package init(byteCount: UInt64, isHole: Bool, readsAsZero: Bool) {
        self.byteCount = byteCount
        self.isHole = isHole
        self.readsAsZero = readsAsZero
    }
}

extension BlockStore {
    package var directAccess: (any DirectBlockStore)? { nil }

    package func read(_ count: Int, at offset: UInt64) async throws(StorageError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { buffer.deallocate() }
        try await read(into: buffer, at: offset)
        return Array(buffer)
    }

    /// - Throws: ``StorageError/Code/notPermitted`` on a read-only store.
    package func checkWritable(during operation: String) throws(StorageError) {
        guard !isReadOnly else { throw StorageError(.notPermitted, "\(operation): the store is read-only") }
    }

    /// - Throws: ``StorageError/Code/invalid`` when the range does not lie inside the store.
    package func checkRange(at offset: UInt64, byteCount count: UInt64, during operation: String)
        throws(StorageError)
    {
        guard offset <= byteCount, count <= byteCount - offset else {
            throw StorageError(
                .invalid, "\(operation): \(count) bytes at \(offset) reach past the end at \(byteCount)")
        }
    }
}
