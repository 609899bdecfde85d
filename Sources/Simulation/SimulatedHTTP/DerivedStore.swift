import BlockStorage

/// What a file's content becomes when it is replaced, cut off or grows.
enum ContentChange: Equatable, Sendable {
    /// As large, and no byte is what it was there before. Each number has its own content, up to 255 of
    /// them.
    case replaced(generation: Int)
    /// Cut off, or continued with bytes of its own.
    case resized(byteCount: UInt64)

    /// What a file that grew holds behind its old end.
    static let grownByte: UInt8 = 0xC7

    func byteCount(after old: UInt64) -> UInt64 {
        if case .resized(let byteCount) = self { byteCount } else { old }
    }

    /// How many of the bytes at `offset` the old content has.
    func oldBytes(of count: Int, at offset: UInt64, in old: UInt64) -> Int {
        offset < old ? Int(min(UInt64(count), old - offset)) : 0
    }

    /// Makes new bytes of the old ones that `buffer` begins with.
    func apply(to buffer: UnsafeMutableRawBufferPointer, oldBytes: Int) {
        switch self {
        case .replaced(let generation):
            let mask = UInt8(truncatingIfNeeded: (generation - 1) % 255 + 1)
            for index in buffer.indices { buffer[index] ^= mask }
        case .resized:
            for index in oldBytes..<buffer.count { buffer[index] = Self.grownByte }
        }
    }
}

/// Another content made out of a first one, without a copy.
final class DerivedStore: BlockStore {
    let byteCount: UInt64
    let isReadOnly = true
    let capabilities: StoreCapabilities = [.multiConnect]
    let directAccess: (any DirectBlockStore)?
    private let base: any BlockStore
    private let change: ContentChange

    init(_ base: any BlockStore, _ change: ContentChange) {
        self.base = base
        self.change = change
        byteCount = change.byteCount(after: base.byteCount)
        directAccess = base.directAccess.map { DirectDerivedStore($0, change) }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) async throws(StorageError) {
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "read")
        let old = change.oldBytes(of: buffer.count, at: offset, in: base.byteCount)
        if old > 0 {
            try await base.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<old]), at: offset)
        }
        change.apply(to: buffer, oldBytes: old)
    }

    static let readOnly = StorageError(.notPermitted, "a published image is read-only")

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool)
        async throws(StorageError)
    { throw Self.readOnly }

    func flush() async throws(StorageError) {}

    func trim(at offset: UInt64, byteCount: UInt64) async throws(StorageError) { throw Self.readOnly }

    func writeZeroes(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        async throws(StorageError)
    { throw Self.readOnly }

    func extents(at offset: UInt64, byteCount: UInt64) async throws(StorageError) -> [Extent] {
        try checkRange(at: offset, byteCount: byteCount, during: "extents")
        return [Extent(byteCount: byteCount, isHole: false, readsAsZero: false)]
    }

    func close() async {}
}

/// The same over a store that answers at once.
private final class DirectDerivedStore: DirectBlockStore {
    let byteCount: UInt64
    let isReadOnly = true
    let capabilities: StoreCapabilities = [.multiConnect]
    let sendableDescriptor: CInt? = nil
    private let base: any DirectBlockStore
    private let change: ContentChange

    init(_ base: any DirectBlockStore, _ change: ContentChange) {
        self.base = base
        self.change = change
        byteCount = change.byteCount(after: base.byteCount)
    }

    func readNow(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) {
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "read")
        let old = change.oldBytes(of: buffer.count, at: offset, in: base.byteCount)
        if old > 0 {
            try base.readNow(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<old]), at: offset)
        }
        change.apply(to: buffer, oldBytes: old)
    }

    func writeNow(_ buffer: UnsafeRawBufferPointer, at offset: UInt64, isDurable: Bool) throws(StorageError) {
        throw DerivedStore.readOnly
    }

    func flushNow() throws(StorageError) {}

    func trimNow(at offset: UInt64, byteCount: UInt64) throws(StorageError) { throw DerivedStore.readOnly }

    func writeZeroesNow(at offset: UInt64, byteCount: UInt64, mayPunchHole: Bool, isDurable: Bool)
        throws(StorageError)
    { throw DerivedStore.readOnly }

    func extentsNow(at offset: UInt64, byteCount: UInt64) throws(StorageError) -> [Extent] {
        try checkRange(at: offset, byteCount: byteCount, during: "extents")
        return [Extent(byteCount: byteCount, isHole: false, readsAsZero: false)]
    }

    func close() async {}
}
