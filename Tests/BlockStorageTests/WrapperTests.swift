import TestSupport
import Testing

@testable import BlockStorage

struct WrapperTests {
    @Test func `an overlay leaves its base as it was`() async throws {
        let image = TemporaryFolder.pattern(300_000)
        let base = MemoryStore(image)
        let overlay = OverlayStore.inMemory(over: base)
        try await [9, 9].withUnsafeBytesAsync { try await overlay.write($0, at: 65_535, isDurable: true) }
        #expect(try await base.read(300_000, at: 0) == image)
        #expect(try await overlay.read(4, at: 65_534) == [image[65_534], 9, 9, image[65_537]])
        #expect(overlay.changedBytes == UInt64(2 * OverlayStore.chunkBytes))
    }

    @Test func `a read-only store refuses changes to a base that would allow them`() async throws {
        let store = ReadOnlyStore(MemoryStore([1, 2]))
        let error = await #expect(throws: StorageError.self) { try await store.trim(at: 0, byteCount: 1) }
        #expect(error?.code == .notPermitted)
        #expect(store.directAccess?.isReadOnly == true)
        #expect(store.capabilities.isDisjoint(with: [.trim, .writeZeroes, .fastZero]))
    }

    @Test func `what goes through a counting store is counted, directly or not`() async throws {
        let store = CountingStore(MemoryStore(byteCount: 4096))
        _ = try await store.read(512, at: 0)
        let direct = try #require(store.directAccess)
        direct.didSend(byteCount: 1024)
        try await [1].withUnsafeBytesAsync { try await store.write($0, at: 0, isDurable: false) }
        try direct.writeZeroesNow(at: 0, byteCount: 100, mayPunchHole: true, isDurable: false)
        await #expect(throws: StorageError.self) { _ = try await store.read(1, at: 4096) }
        let expected = StoreCounters.Snapshot(
            readOperations: 2, readBytes: 1536, writeOperations: 2, writtenBytes: 101, failedOperations: 1)
        #expect(store.counters.snapshot == expected)
    }
}
