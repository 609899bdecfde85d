import BlockStorage
import HTTPRanges
import RemoteImages
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

    @Test func `a store that waits for a network is served like any other`() async throws {
        let fixture = try HTTPSFixture()
        let store = try await fixture.open()
        var configuration = ImageServer.Configuration()
        configuration.images["/again"] = .store(store, version: 1)
        let second = try ImageServer(authority: fixture.authority, configuration)
        let copy = try await fixture.open(second.url("/again"))
        #expect(try await copy.read(HTTPSFixture.pattern.count, at: 0) == HTTPSFixture.pattern)
        await copy.close()
        await store.close()
        second.stop()
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `closing among many readers ends every one of them`(seed: UInt64) async throws {
        let fixture = try HTTPSFixture(plan: {
            $0.number % 7 == 3 ? .but { $0.body = .resets(after: 100) } : .right
        })
        let store = try await fixture.open { $0.fetching = .tiny }
        await withTaskGroup(of: Bool.self) { group in
            for reader in 0..<8 as Range<UInt64> {
                group.addTask {
                    var random = SeededGenerator(seed: seed &* 100 &+ reader)
                    while true {
                        let offset = Int.random(in: 0..<HTTPSFixture.pattern.count - 9000, using: &random)
                        guard let bytes = try? await store.read(9000, at: UInt64(offset)) else { return true }
                        if bytes != Array(HTTPSFixture.pattern[offset..<offset + 9000]) { return false }
                    }
                }
            }
            await HTTPSFixture.eventually { fixture.server.requestCount > 100 }
            await store.close()
            for await isRight in group { #expect(isRight, "seed \(seed)") }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a stall while reading ahead does not lengthen a reader's wait beyond its deadline`()
        async throws
    {
        let fixture = try HTTPSFixture(plan: { request in
            let isAhead = request.head.value("range").map {
                !$0.hasPrefix("bytes=0-") && $0 != "bytes=131072-262143"
            }
            return isAhead == true ? .but { $0.body = .stalls(after: 1) } : .right
        })
        let store = try await fixture.open {
            // The stalled request itself is given ten minutes.
            $0.stallTimeout = .seconds(600)
            $0.requestTimeout = .seconds(600)
            $0.readTimeout = .seconds(2)
        }
        for block in 0..<2 as Range<UInt64> { _ = try await store.read(131_072, at: block * 131_072) }
        await #expect(throws: StorageError.self) { try await store.read(4096, at: 2 * 131_072) }
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
