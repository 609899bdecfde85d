import BlockStorage
import Foundation
import FrontPlatform
import Glibc
import HTTPTransport
import HostObserver
import Synchronization
import TestSupport
import Testing
import VirtualMedia

@testable import ImageAttachment

/// What a host has written and not flushed is in the file, however an attachment ends in good order.
struct WritingTests {
    private static let blockBytes = 512
    /// Places far apart, so that the BMC's page cache holds them as they are.
    private static let places: [UInt32] = [0, 1, 777, 4096, 9_000]

    private static func written(_ number: Int) -> [UInt8] {
        (0..<8 * blockBytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number &* 7 &+ 1) }
    }

    private func ejection(_ bench: AttachmentTests.Bench, password: String = "Secret-12345") -> SlotEjection {
        let credentials = Data("admin:\(password)".utf8).base64EncodedString()
        return SlotEjection(
            .init(
                host: "localhost", port: bench.front.port, path: "/nbd/0",
                fields: [("Authorization", "Basic \(credentials)")]), trust: .authorities(bench.authority))
    }

    enum Ending: CaseIterable, Sendable { case ejectedThroughRedfish, frontEnds }

    @Test(arguments: Ending.allCases)
    func `bytes that the host wrote without a flush are in the file`(ending: Ending) async throws {
        let bench = try await AttachmentTests.Bench()
        let folder = try TemporaryFolder()
        let path = try folder.writePattern(9_016 * Self.blockBytes, to: "disk.img")
        let store = try FileStore(path: path, isReadOnly: false)
        let attachment = bench.attachment(store)
        let end = Mutex<ImageAttachment.End?>(nil)
        let running = bench.spawner.spawn("attach", .shared) {
            let result = await attachment.run()
            end.withLock { $0 = result }
        }
        let host = try await bench.host()
        _ = try await host.enumerate()
        _ = try await host.examineUnit()
        var expected = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        for (number, first) in Self.places.enumerated() {
            let bytes = Self.written(number)
            let outcome = try await host.writeOnce(BlockRange(first: UInt64(first), count: 8), bytes[...])
            #expect(
                outcome.sense == nil && outcome.movedByteCount == bytes.count, "block \(first): \(outcome)")
            let offset = Int(first) * Self.blockBytes
            expected.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
        switch ending {
        case .ejectedThroughRedfish: try await ejection(bench).run()
        case .frontEnds: await bench.stop()
        }
        if ending == .frontEnds { await attachment.stop() }
        await running.finished()
        if ending == .ejectedThroughRedfish { #expect(end.withLock { $0 } == .done) }
        await store.close()
        #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))) == expected)
        if ending == .ejectedThroughRedfish { await bench.stop() }
    }

    @Test func `an eject that is not allowed says why, and the medium stays`() async throws {
        let bench = try await AttachmentTests.Bench()
        let attachment = bench.attachment(MemoryStore(AttachmentTests.image, isReadOnly: true))
        let running = bench.spawner.spawn("attach", .shared) { _ = await attachment.run() }
        let host = try await bench.host()
        _ = try await host.enumerate()
        await #expect { try await ejection(bench, password: "wrong").run() } throws: {
            "\($0)".contains("HTTP 401")
        }
        #expect(await !bench.front.bmc.leftovers().isEmpty)
        try await ejection(bench).run()
        await running.finished()
        await bench.stop()
    }
}
