import Foundation
import TestSupport
import Testing

@testable import BlockStorage

/// Each kind of store, made to hold given bytes, with whatever must outlive it.
struct StoreKind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable ([UInt8]) throws -> any BlockStore

    static let all = [
        StoreKind(testDescription: "memory") { MemoryStore($0) },
        StoreKind(testDescription: "file") { bytes in
            let folder = try TemporaryFolder()
            let path = try folder.write(bytes, to: "image")
            // The file lives on through the open descriptor.
            return try FileStore(path: path, isReadOnly: false)
        },
        StoreKind(testDescription: "overlay in memory") {
            OverlayStore.inMemory(over: ReadOnlyStore(MemoryStore($0)))
        },
        StoreKind(testDescription: "overlay in a file") {
            try OverlayStore.inTemporaryFile(over: MemoryStore($0, isReadOnly: true), folder: "/tmp")
        },
        StoreKind(testDescription: "counting") { CountingStore(MemoryStore($0)) },
    ]
}

/// What every store must do, whatever it is made of.
struct StoreContractTests {
    static let byteCount = 3 * MemoryStore.chunkBytes + 513

    @Test(arguments: StoreKind.all)
    func `reads return what is there, at any offset and length`(kind: StoreKind) async throws {
        let bytes = TemporaryFolder.pattern(Self.byteCount)
        let store = try kind.make(bytes)
        #expect(store.byteCount == UInt64(Self.byteCount))
        let edges = [0, 1, 511, 512, 65535, 65536, 65537, Self.byteCount - 1, Self.byteCount]
        for start in edges {
            for end in edges where end >= start {
                let found = try await store.read(end - start, at: UInt64(start))
                #expect(found == Array(bytes[start..<end]), "\(start)..<\(end)")
            }
        }
        await store.close()
    }

    @Test(arguments: StoreKind.all, 1...4)
    func `random writes, zeroes and trims read back as in an array`(kind: StoreKind, seed: Int) async throws {
        var expected = TemporaryFolder.pattern(Self.byteCount)
        let store = try kind.make(expected)
        var random = SeededGenerator(seed: UInt64(seed))
        for step in 0..<80 {
            let start = Int.random(in: 0..<Self.byteCount, using: &random)
            let count = Int.random(in: 0...min(100_000, Self.byteCount - start), using: &random)
            let range = start..<start + count
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                let new = TemporaryFolder.pattern(count, seed: UInt64(step + 1))
                try await new.withUnsafeBytesAsync {
                    try await store.write($0, at: UInt64(start), isDurable: step.isMultiple(of: 2))
                }
                expected.replaceSubrange(range, with: new)
            case 1:
                try await store.writeZeroes(
                    at: UInt64(start), byteCount: UInt64(count), mayPunchHole: step.isMultiple(of: 2),
                    isDurable: false)
                expected.replaceSubrange(range, with: repeatElement(0, count: count))
            default:
                try await store.trim(at: UInt64(start), byteCount: UInt64(count))
                // Undefined content: take what the store makes of it.
                expected.replaceSubrange(range, with: try await store.read(count, at: UInt64(start)))
            }
        }
        try await store.flush()
        #expect(try await store.read(Self.byteCount, at: 0) == expected)
        await store.close()
    }

    @Test(arguments: StoreKind.all)
    func `nothing reaches past the end, however the sum overflows`(kind: StoreKind) async throws {
        let store = try kind.make([UInt8](repeating: 7, count: 1024))
        for offset in [1024, 1025, 513, UInt64(Int64.max), .max - 511, .max] {
            await #expect(throws: StorageError.self) { _ = try await store.read(512, at: offset) }
            await #expect(throws: StorageError.self) {
                try await [UInt8](repeating: 1, count: 512).withUnsafeBytesAsync {
                    try await store.write($0, at: offset, isDurable: false)
                }
            }
            await #expect(throws: StorageError.self) { try await store.trim(at: offset, byteCount: 512) }
            await #expect(throws: StorageError.self) {
                try await store.writeZeroes(
                    at: offset, byteCount: 512, mayPunchHole: true, isDurable: false)
            }
            await #expect(throws: StorageError.self) {
                _ = try await store.extents(at: offset, byteCount: 512)
            }
        }
        #expect(try await store.read(1024, at: 0) == [UInt8](repeating: 7, count: 1024))
        await store.close()
    }

    @Test(arguments: StoreKind.all)
    func `extents cover the range from its start, and holes read as zeroes`(kind: StoreKind) async throws {
        var bytes = [UInt8](repeating: 0, count: 6 << 16)
        bytes.replaceSubrange(1 << 16..<2 << 16, with: repeatElement(9, count: 1 << 16))
        let store = try kind.make(bytes)
        if !store.isReadOnly {
            try await store.writeZeroes(
                at: 3 << 16, byteCount: 2 << 16, mayPunchHole: true, isDurable: false)
        }
        for start in [0, 1, 1 << 16, 200_000, (6 << 16) - 1] {
            var position = start
            while position < bytes.count {
                let extents = try await store.extents(
                    at: UInt64(position), byteCount: UInt64(bytes.count - position))
                try #require(!extents.isEmpty)
                for extent in extents {
                    try #require(extent.byteCount > 0)
                    let end = min(bytes.count, position + Int(extent.byteCount))
                    if extent.readsAsZero { #expect(!bytes[position..<end].contains { $0 != 0 }) }
                    position = end
                }
            }
            #expect(position == bytes.count)
        }
        await store.close()
    }
}

extension Array<UInt8> {
    /// Lends the bytes to an asynchronous call.
    func withUnsafeBytesAsync<Result>(_ body: (UnsafeRawBufferPointer) async throws -> Result) async rethrows
        -> Result
    {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { copy.deallocate() }
        copy.copyBytes(from: self)
        return try await body(UnsafeRawBufferPointer(copy))
    }
}
