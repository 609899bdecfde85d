import BlockStorage
import HostObserver
import TestSupport
import Testing

/// A server that lies about some blocks is caught by the host, through the whole path, and the lie is named.
struct TamperedImageTests {
    enum Lie: String, CaseIterable, Sendable {
        case corrupted, shifted, swapped, stale, zeroed
    }

    static let byteCount = 1 << 20
    static let blockBytes = 4096
    /// Where the lie is told, in bytes.
    static let place = 96 * blockBytes
    static let image = TemporaryFolder.pattern(byteCount, seed: 21)
    /// What was in the drive before.
    static let previous = TemporaryFolder.pattern(byteCount, seed: 22)

    static func told(_ lie: Lie) -> [UInt8] {
        var bytes = image
        let range = place..<place + blockBytes
        switch lie {
        case .corrupted: bytes[place + 77] ^= 0x04
        case .shifted: bytes.replaceSubrange(range, with: image[place + 512..<place + 512 + blockBytes])
        case .swapped: bytes.replaceSubrange(range, with: image[3 * blockBytes..<4 * blockBytes])
        case .stale: bytes.replaceSubrange(range, with: previous[range])
        case .zeroed: bytes.replaceSubrange(range, with: [UInt8](repeating: 0, count: blockBytes))
        }
        return bytes
    }

    @Test(arguments: Lie.allCases)
    func `a lie of the store is recognised and named by the host`(lie: Lie) async throws {
        let store = MemoryStore(byteCount: UInt64(Self.byteCount))
        try Self.told(lie).withUnsafeBytes { try store.writeNow($0, at: 0, isDurable: false) }
        try await Fixture.with(store: store) { fixture in
            try await fixture.mount()
            let host = try await fixture.host()
            _ = try await host.enumerate()
            _ = try await host.examineUnit()
            let report = try await host.readAll(
                expecting: .image(ExpectedBytes(Self.image)), previous: ExpectedBytes(Self.previous))
            guard case .mismatch = report.verdict else {
                Issue.record("\(report.verdict)")
                return
            }
            let first = try #require(report.mismatches.first)
            #expect(first.block == UInt64(Self.place / 512))
            switch (lie, first.kind) {
            case (.corrupted, .corrupted(bitCount: 1)), (.stale, .stale), (.zeroed, .zeroed): break
            // Within one image a shift by whole blocks and a swap are the same observation.
            case (.shifted, .shifted(byteCount: 512)),
                (.shifted, .swapped(block: UInt64(Self.place / 512 + 1))):
                break
            case (.swapped, .swapped(block: UInt64(3 * Self.blockBytes / 512))), (.swapped, .shifted): break
            default: Issue.record("\(lie.rawValue) was called \(first.kind)")
            }
            let lastWrong = (Self.place + Self.blockBytes) / 512
            #expect(report.mismatches.allSatisfy { $0.block < UInt64(lastWrong) })
        }
    }
}
