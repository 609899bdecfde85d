import BlockStorage
import Glibc

/// Another content made out of a first one, without a copy: what a file becomes when it is replaced,
/// cut off or grows.
final class DerivedStore: BlockStore {
    enum Change: Equatable, Sendable {
        /// As large, and no byte is what it was there before. Each number has its own content, up to 255 of
        /// them.
        case replaced(generation: Int)
        /// Cut off, or continued with bytes of its own.
        case resized(byteCount: UInt64)
    }

    /// What a file that grew holds behind its old end.
    static let grownByte: UInt8 = 0xC7

    let byteCount: UInt64
    let isReadOnly = true
    let capabilities: StoreCapabilities = [.multiConnect]
    private let base: any BlockStore
    private let change: Change

    init(_ base: any BlockStore, _ change: Change) {
        self.base = base
        self.change = change
        if case .resized(let size) = change { byteCount = size } else { byteCount = base.byteCount }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) async throws(StorageError) {
        try checkRange(at: offset, byteCount: UInt64(buffer.count), during: "read")
        guard !buffer.isEmpty else { return }
        switch change {
        case .replaced(let generation):
            try await base.read(into: buffer, at: offset)
            let mask = UInt8(truncatingIfNeeded: (generation - 1) % 255 + 1)
            for index in buffer.indices { buffer[index] ^= mask }
        case .resized:
            let old = offset < base.byteCount ? min(UInt64(buffer.count), base.byteCount - offset) : 0
            let kept = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(old)])
            if !kept.isEmpty { try await base.read(into: kept, at: offset) }
            for index in kept.count..<buffer.count { buffer[index] = Self.grownByte }
        }
    }
}

extension DerivedStore {
    private static let readOnly = StorageError(.notPermitted, "a published image is read-only")

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
