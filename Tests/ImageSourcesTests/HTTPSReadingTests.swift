import BlockStorage
import RemoteStore
import TestSupport
import Testing
import VirtualMedia

@testable import ImageSources

struct HTTPSReadingTests {
    @Test func `every byte of an image comes through in order`() async throws {
        let fixture = try HTTPSFixture()
        let store = try await fixture.open()
        #expect(store.byteCount == UInt64(HTTPSFixture.pattern.count))
        var bytes: [UInt8] = []
        while bytes.count < HTTPSFixture.pattern.count {
            let count = min(65_536, HTTPSFixture.pattern.count - bytes.count)
            bytes += try await store.read(count, at: UInt64(bytes.count))
        }
        #expect(bytes == HTTPSFixture.pattern)
        await store.close()
        #expect(fixture.server.stop())
    }

    @Test func `one read larger than the cache comes through whole`() async throws {
        let fixture = try HTTPSFixture()
        let store = try await fixture.open { $0.fetching = .tiny }
        let bytes = try await store.read(HTTPSFixture.pattern.count, at: 0)
        #expect(bytes == HTTPSFixture.pattern)
        await store.close()
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `random reads in parallel give the right bytes`(seed: UInt64) async throws {
        let fixture = try HTTPSFixture()
        let store = try await fixture.open { $0.fetching = .tiny }
        let size = HTTPSFixture.pattern.count
        try await withThrowingTaskGroup(of: Bool.self) { group in
            var random = SeededGenerator(seed: seed)
            for _ in 0..<64 {
                let count = Int.random(in: 1...40_000, using: &random)
                let offset = Int.random(in: 0...size - count, using: &random)
                group.addTask {
                    try await store.read(count, at: UInt64(offset))
                        == HTTPSFixture.pattern[offset..<offset + count].map { $0 }
                }
            }
            for try await isRight in group { #expect(isRight, "seed \(seed)") }
        }
        await store.close()
    }
}

extension FetchLimits {
    /// 64 KiB in all, so that evictions happen.
    static var tiny: FetchLimits {
        var limits = FetchLimits()
        limits.blockBytes = 4096
        limits.blocksPerRequest = 2
        limits.cachedBlocks = 16
        limits.connections = 4
        return limits
    }
}
