import BlockStorage
import Foundation
import HTTPRanges
import RemoteImages
import RemoteStore
import Synchronization
import TestSupport
import Testing
import VirtualMedia

@testable import ImageSources

/// What the source costs: requests, memory, threads, descriptors.
@Suite(.serialized)
struct HTTPSResourceTests {
    /// Ranges that a server was asked for.
    final class Requests: Sendable {
        private let seen = Mutex<[Range<UInt64>]>([])

        func note(_ request: ReceivedRequest) {
            guard case .part(let range) = RequestedRange(request.head.value("range"), imageBytes: .max) else {
                return
            }
            seen.withLock { $0.append(range) }
        }

        var ranges: [Range<UInt64>] { seen.withLock { $0 } }
    }

    func fixture(_ requests: Requests) throws -> HTTPSFixture {
        try HTTPSFixture(plan: {
            requests.note($0)
            return .right
        })
    }

    @Test func `random reads of one block ask for it once`() async throws {
        let requests = Requests()
        let fixture = try fixture(requests)
        let store = try await fixture.open()
        await withTaskGroup { group in
            for index in 0..<32 as Range<UInt64> {
                group.addTask { _ = try? await store.read(4096, at: 1_048_576 + index * 4096) }
            }
        }
        #expect(requests.ranges.dropFirst().filter { $0.contains(1_048_576) }.count == 1)
        await store.close()
    }

    @Test func `a walk asks for every byte once, for none beyond the end, mostly in whole requests`()
        async throws
    {
        let requests = Requests()
        let fixture = try fixture(requests)
        let store = try await fixture.open()
        for offset in stride(from: 0, to: HTTPSFixture.pattern.count, by: 65_536) {
            _ = try await store.read(min(65_536, HTTPSFixture.pattern.count - offset), at: UInt64(offset))
        }
        let ranges = requests.ranges.dropFirst().sorted { $0.lowerBound < $1.lowerBound }
        #expect(ranges.first?.lowerBound == 0)
        #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        #expect(ranges.last?.upperBound == UInt64(HTTPSFixture.pattern.count))
        #expect(ranges.count <= 7, "\(ranges)")
        await store.close()
    }

    @Test func `close lets go of every connection, though the store lives on`() async throws {
        let fixture = try HTTPSFixture()
        var stores: [any BlockStore] = []
        for _ in 0..<5 {
            let store = try await fixture.open()
            _ = try await store.read(2_000_000, at: 0)
            stores.append(store)
        }
        #expect(fixture.server.openConnectionCount >= 5)
        for store in stores { await store.close() }
        await HTTPSFixture.eventually { fixture.server.openConnectionCount == 0 }
        #expect(fixture.server.openConnectionCount == 0)
        withExtendedLifetime(stores) {}
    }

    @Test func `a store that nobody closes ends with its last reference`() async throws {
        let fixture = try HTTPSFixture()
        var store: (any BlockStore)? = try await fixture.open()
        _ = try await store?.read(10, at: 0)
        #expect(fixture.server.openConnectionCount > 0)
        store = nil
        await HTTPSFixture.eventually { fixture.server.openConnectionCount == 0 }
        #expect(fixture.server.openConnectionCount == 0)
    }

    @Test func `an opening that fails leaves no connection`() async throws {
        let fixture = try HTTPSFixture(plan: { _ in .status(404) })
        #expect(await fixture.openingError()?.cause == .notFound)
        await HTTPSFixture.eventually { fixture.server.openConnectionCount == 0 }
        #expect(fixture.server.openConnectionCount == 0)
    }

    @Test func `memory for image bytes has its limit, whatever the image's size`() {
        for byteCount: UInt64 in [1, 4096, 1 << 20, 1 << 41, .max] {
            let plan = FetchPlan(byteCount: byteCount, limits: FetchLimits())
            #expect(plan.slotCount * plan.limits.blockBytes <= 16 << 20)
            #expect(plan.slotCount >= 1)
        }
    }

    @Test func `latency is paid per request of a megabyte, not per read`() async throws {
        let fixture = try HTTPSFixture(plan: { _ in .but { $0.delay = .milliseconds(5) } })
        let store = try await fixture.open()
        for offset in stride(from: 0, to: 2_990_000, by: 16_384) {
            _ = try await store.read(8192, at: UInt64(offset))
        }
        // 183 reads of 23 blocks; the first blocks come one by one, until the reader is known for what it is.
        #expect(fixture.server.requestCount <= 23, "\(fixture.server.requestCount) requests")
        await store.close()
    }
}
