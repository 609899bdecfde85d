import HostObserver
import Testing

@testable import Runs

struct MediumOracleTests {
    static let image = SeededPattern.bytes(seed: 1, at: 0, byteCount: 8192)

    static func oracle() -> MediumOracle { MediumOracle(images: [ExpectedBytes(image)], seed: 9) }

    static func image(with bytes: [UInt8], at offset: Int) -> [UInt8] {
        var changed = image
        changed.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        return changed
    }

    /// How a write ended × what came after it × what is read then: the image or the write.
    static let cases: [(MediumOracle.WriteEnd, String, isImageRight: Bool, isWriteRight: Bool)] = [
        (.passed(isDurable: false), "", false, true),
        (.passed(isDurable: false), "flush", false, true),
        (.passed(isDurable: false), "crash", true, true),
        (.passed(isDurable: false), "flush crash", false, true),
        (.passed(isDurable: false), "crash flush", true, true),
        (.passed(isDurable: true), "", false, true),
        (.passed(isDurable: true), "crash", false, true),
        (.unknown, "", true, true),
        (.unknown, "flush", true, true),
        (.unknown, "crash", true, true),
        (.unknown, "flush crash", true, true),
        (.passed(isDurable: true), "discard", true, false),
    ]

    @Test(arguments: cases.indices)
    func `a read may be what the ends of writes allow, and nothing else`(index: Int) throws {
        let (end, events, isImageRight, isWriteRight) = Self.cases[index]
        let oracle = Self.oracle()
        let (number, bytes) = oracle.nextWrite(at: 1024, byteCount: 1024)
        oracle.wrote(number, 1024..<2048, end)
        for event in events.split(separator: " ") {
            switch event {
            case "flush": oracle.flushed()
            case "crash": oracle.crashed()
            default: oracle.discardedWrites()
            }
        }
        let written = Self.image(with: bytes, at: 1024)
        #expect((try oracle.judge(Self.image, at: 0) == .right) == isImageRight, "\(end) \(events)")
        #expect((try oracle.judge(written, at: 0) == .right) == isWriteRight, "\(end) \(events)")
        #expect(try oracle.judge(Array(Self.image[4096...]), at: 4096) == .right)
    }

    @Test func `a write may be torn by a crash between its sectors, but not inside one`() throws {
        let oracle = Self.oracle()
        let (number, bytes) = oracle.nextWrite(at: 0, byteCount: 2048)
        oracle.wrote(number, 0..<2048, .passed(isDurable: false))
        oracle.crashed()
        let half = Self.image(with: Array(bytes[512..<1024]), at: 512)
        #expect(try oracle.judge(half, at: 0) == .right)
        let torn = Self.image(with: Array(bytes[512..<768]), at: 512)
        guard case .wrong(let sector, _) = try oracle.judge(torn, at: 0) else {
            Issue.record("a sector of two halves passed")
            return
        }
        #expect(sector == 1)
    }

    @Test func `a second write leaves the first allowed only where its own end is unknown`() throws {
        let oracle = Self.oracle()
        let (first, firstBytes) = oracle.nextWrite(at: 0, byteCount: 512)
        oracle.wrote(first, 0..<512, .passed(isDurable: true))
        let (second, secondBytes) = oracle.nextWrite(at: 0, byteCount: 512)
        oracle.wrote(second, 0..<512, .unknown)
        #expect(try oracle.judge(firstBytes, at: 0) == .right)
        #expect(try oracle.judge(secondBytes, at: 0) == .right)
        #expect(
            try oracle.judge(Array(Self.image[..<512]), at: 0)
                == .wrong(sector: 0, "the image instead of write 1 or write 2: a write is lost"))
    }

    @Test func `wrong bytes are explained`() throws {
        let oracle = Self.oracle()
        #expect(
            try oracle.judge([UInt8](repeating: 0, count: 512), at: 512)
                == .wrong(sector: 1, "zeroes instead of the image"))
        var flipped = Array(Self.image[..<512])
        flipped[7] ^= 3
        #expect(
            try oracle.judge(flipped, at: 0)
                == .wrong(sector: 0, "other bytes instead of the image: 2 bits differ from the image"))
        let (number, bytes) = oracle.nextWrite(at: 0, byteCount: 512)
        oracle.wrote(number, 0..<512, .passed(isDurable: true))
        let (next, _) = oracle.nextWrite(at: 0, byteCount: 512)
        oracle.wrote(next, 0..<512, .passed(isDurable: true))
        #expect(try oracle.judge(bytes, at: 0) == .wrong(sector: 0, "write 1 instead of write 2"))
    }

    @Test func `a medium that may be one of two images is never half of each`() throws {
        let other = SeededPattern.bytes(seed: 2, at: 0, byteCount: 8192)
        let oracle = MediumOracle(images: [ExpectedBytes(Self.image), ExpectedBytes(other)], seed: 9)
        #expect(try oracle.judge(Array(other[512..<1024]), at: 512) == .right)
        #expect(try oracle.judge(Array(Self.image[1024..<1536]), at: 1024) != .right)
        #expect(try oracle.judge(Array(other[1024..<1536]), at: 1024) == .right)
        #expect(try oracle.judge([UInt8](repeating: 0, count: 512), at: 8192) != .right)
    }

    /// The host hears of its writes in another order than the medium does them.
    @Test func `a write that was begun may have happened, and one that ends late may be the last`() throws {
        let oracle = Self.oracle()
        let image = Array(Self.image[..<512])
        let (first, firstBytes) = oracle.nextWrite(at: 0, byteCount: 512)
        #expect(try oracle.judge(image, at: 0) == .right)
        #expect(try oracle.judge(firstBytes, at: 0) == .right)
        let (second, secondBytes) = oracle.nextWrite(at: 0, byteCount: 512)
        oracle.wrote(second, 0..<512, .passed(isDurable: false))
        #expect(try oracle.judge(secondBytes, at: 0) == .right)
        #expect(try oracle.judge(firstBytes, at: 0) == .right)
        #expect(try oracle.judge(image, at: 0) != .right)
        oracle.wrote(first, 0..<512, .passed(isDurable: false))
        #expect(try oracle.judge(firstBytes, at: 0) == .right)
        #expect(try oracle.judge(secondBytes, at: 0) == .right)
        let (third, thirdBytes) = oracle.nextWrite(at: 0, byteCount: 512)
        oracle.wrote(third, 0..<512, .passed(isDurable: false))
        #expect(try oracle.judge(secondBytes, at: 0) != .right)
        #expect(try oracle.judge(thirdBytes, at: 0) == .right)
    }

    @Test func `a write that was under way in a crash may be lost, though it passed`() throws {
        let oracle = Self.oracle()
        let (number, bytes) = oracle.nextWrite(at: 0, byteCount: 512)
        oracle.crashed()
        oracle.wrote(number, 0..<512, .passed(isDurable: false))
        #expect(try oracle.judge(Array(Self.image[..<512]), at: 0) == .right)
        #expect(try oracle.judge(bytes, at: 0) == .right)
        let (refused, refusedBytes) = oracle.nextWrite(at: 512, byteCount: 512)
        oracle.wrote(refused, 512..<1024, .refused)
        #expect(try oracle.judge(refusedBytes, at: 512) != .right)
    }
}
