import BlockStorage
import Foundation
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

    @Test func `threads and descriptors are given back`() async throws {
        let fixture = try HTTPSFixture()
        func cycle() async throws {
            let store = try await fixture.open()
            _ = try await store.read(2_000_000, at: 0)
            await store.close()
        }
        try await cycle()
        for _ in 0..<5 { try await cycle() }
        // The server sees every connection go; its threads end with them.
        var rounds = 0
        while fixture.server.openConnectionCount > 0, rounds < 1000 {
            try await Task.sleep(for: .milliseconds(5))
            rounds += 1
        }
        #expect(fixture.server.openConnectionCount == 0)
        #expect(fixture.server.acceptedCount >= 6)
    }

    @Test func `a store that nobody closes ends with its last reference`() async throws {
        let fixture = try HTTPSFixture()
        var store: (any BlockStore)? = try await fixture.open()
        _ = try await store?.read(10, at: 0)
        store = nil
        var rounds = 0
        while fixture.server.openConnectionCount > 0, rounds < 1000 {
            try await Task.sleep(for: .milliseconds(5))
            rounds += 1
        }
        #expect(fixture.server.openConnectionCount == 0)
    }
}
