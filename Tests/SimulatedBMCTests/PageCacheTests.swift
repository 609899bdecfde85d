import NBDProtocol
import TestSupport
import Testing
import WireFormat

@testable import SimulatedBMC

/// A block device that answers when the test says so.
final class HeldDevice: PageCacheDevice {
    var image: [UInt8]
    var canFlush = true
    var canForceUnitAccess = false
    private(set) var held: [BlockRequest] = []
    private(set) var log: [String] = []

    init(_ image: [UInt8]) { self.image = image }

    var cachedBytes: UInt64 { UInt64(image.count) }

    func submit(_ request: BlockRequest) {
        let names: [Command: String] = [.read: "R", .write: "W", .flush: "F", .trim: "T"]
        let forced = request.flags.contains(.forceUnitAccess) ? "!" : ""
        log.append("\(names[request.command] ?? "?")\(forced)\(request.offset)+\(request.byteCount)")
        held.append(request)
    }

    /// Answers the oldest request.
    func answer(_ isGood: Bool = true) {
        let request = held.removeFirst()
        guard isGood else { return request.completion(.failure(.io)) }
        let range = Int(request.offset)..<Int(request.offset) + request.byteCount
        switch request.command {
        case .read: request.completion(.success(Array(image[range])))
        case .write:
            image.replaceSubrange(range, with: request.payload.flatMap { $0 })
            request.completion(.success([]))
        default: request.completion(.success([]))
        }
    }

    func answerAll() { while !held.isEmpty { answer() } }
    func takeLog() -> [String] {
        defer { log = [] }
        return log
    }
}

final class CacheFixture {
    let clock = ManualClock()
    let timers: KernelTimers
    let device: HeldDevice
    let cache: PageCache
    var outcomes: [String: Bool] = [:]
    var data: [String: [UInt8]] = [:]

    init(_ byteCount: Int = 1 << 20, limit: Int = 256 << 10, maximumRequest: Int = 64 << 10) {
        timers = KernelTimers(clock: clock)
        device = HeldDevice(TemporaryFolder.pattern(byteCount))
        cache = PageCache(
            limitBytes: limit, maximumRequestBytes: maximumRequest, device: device, timers: timers)
    }

    func read(_ name: String, _ range: Range<UInt64>, readAhead: ReadAhead? = nil) {
        cache.read(range, readAhead: readAhead) { [self] result in
            if case .success(let pieces) = result { data[name] = pieces.flatMap { $0 } }
            outcomes[name] = (try? result.get()) != nil
        }
    }

    func write(_ name: String, _ bytes: [UInt8], at offset: UInt64, isForced: Bool = false) {
        cache.write(bytes, at: offset, isForced: isForced) { [self] in
            outcomes[name] = (try? $0.get()) != nil
        }
    }

    func flush(_ name: String) {
        cache.flush { [self] in outcomes[name] = (try? $0.get()) != nil }
    }
}

struct PageCacheTests {
    @Test func `a second read of the same pages asks nobody`() {
        let fixture = CacheFixture()
        fixture.read("first", 100..<300)
        #expect(fixture.device.takeLog() == ["R0+4096"])
        fixture.device.answerAll()
        fixture.read("second", 0..<4096)
        #expect(fixture.device.takeLog() == [])
        #expect(fixture.data["first"] == Array(fixture.device.image[100..<300]))
        #expect(fixture.data["second"] == Array(fixture.device.image[0..<4096]))
    }

    @Test func `reads of the same missing pages share one request`() {
        let fixture = CacheFixture()
        fixture.read("a", 0..<8192)
        fixture.read("b", 4096..<12288)
        #expect(fixture.device.takeLog() == ["R0+8192", "R8192+4096"])
        fixture.device.answer()
        #expect(fixture.outcomes == ["a": true])
        fixture.device.answer()
        #expect(fixture.outcomes == ["a": true, "b": true])
        #expect(fixture.data["b"] == Array(fixture.device.image[4096..<12288]))
    }

    @Test func `memory stays within the limit, and the least recently used goes first`() {
        let fixture = CacheFixture(limit: 16 << 10)
        for page in 0..<4 {
            fixture.read("\(page)", UInt64(page) * 4096..<UInt64(page + 1) * 4096)
            fixture.device.answerAll()
        }
        fixture.read("again", 0..<4096)
        fixture.read("fifth", 16384..<20480)
        fixture.device.answerAll()
        #expect(fixture.cache.table.byteCount <= 16 << 10)
        _ = fixture.device.takeLog()
        fixture.read("kept", 0..<4096)
        #expect(fixture.device.takeLog() == [])
        fixture.read("gone", 4096..<8192)
        #expect(fixture.device.takeLog() == ["R4096+4096"])
    }

    @Test func `the last page ends where the device does`() {
        let fixture = CacheFixture(5000)
        fixture.read("tail", 4999..<5000)
        #expect(fixture.device.takeLog() == ["R4096+904"])
        fixture.device.answerAll()
        #expect(fixture.data["tail"] == [fixture.device.image[4999]])
        fixture.read("past", 4999..<5001)
        #expect(fixture.outcomes["past"] == false)
    }

    @Test func `a failed read is tried page by page, and fails at the bad page`() {
        let fixture = CacheFixture()
        fixture.read("bad", 0..<16384)
        fixture.device.answer(false)
        fixture.device.answer()
        fixture.device.answer(false)
        #expect(fixture.outcomes["bad"] == false)
        #expect(fixture.device.takeLog() == ["R0+16384", "R0+4096", "R4096+4096"])
        fixture.read("lucky", 0..<16384)
        fixture.device.answer(false)
        for _ in 0..<3 { fixture.device.answer() }
        #expect(fixture.data["lucky"] == Array(fixture.device.image[0..<16384]))
    }

    @Test func `a sequential reader is served ahead, a random one is not`() {
        let fixture = CacheFixture()
        let file = ReadAhead(maximumBytes: 64 << 10)
        fixture.read("1", 0..<8192, readAhead: file)
        #expect(fixture.device.takeLog() == ["R0+8192", "R8192+16384"])
        fixture.device.answerAll()
        fixture.read("2", 8192..<16384, readAhead: file)
        // Half of the window is used up: the next one is twice as long.
        #expect(fixture.device.takeLog() == ["R24576+24576"])
        fixture.read("jump", 524288..<528384, readAhead: file)
        #expect(fixture.device.takeLog() == ["R524288+4096"])
        fixture.device.answerAll()
        fixture.read("end", 1044480..<1048576, readAhead: file)
        #expect(fixture.device.takeLog() == ["R1044480+4096"])
    }

    @Test(arguments: [false, true])
    func `a second pass over the device is served ahead like the first`(isDropped: Bool) {
        let fixture = CacheFixture(1 << 20, limit: 512 << 10)
        let file = ReadAhead(maximumBytes: 128 << 10)
        var requests: [Int] = []
        for _ in 0..<3 {
            for start in stride(from: 0 as UInt64, to: 1 << 20, by: 8192) {
                fixture.read("r", start..<start + 8192, readAhead: file)
                fixture.device.answerAll()
            }
            requests.append(fixture.device.takeLog().count)
            if isDropped { fixture.cache.dropClean() }
        }
        // Growing windows and their cuts at 64 KiB: far fewer than the 128 reads, in each pass.
        #expect(requests.allSatisfy { $0 <= 24 }, "\(requests)")
    }

    @Test func `a stream goes on being served ahead when the cache was dropped under it`() {
        let fixture = CacheFixture(1 << 20, limit: 512 << 10)
        let file = ReadAhead(maximumBytes: 128 << 10)
        for start in stride(from: 0 as UInt64, to: 512 << 10, by: 8192) {
            fixture.read("r", start..<start + 8192, readAhead: file)
            fixture.device.answerAll()
        }
        _ = fixture.device.takeLog()
        fixture.cache.dropClean()
        fixture.read("r", 512 << 10..<520 << 10, readAhead: file)
        #expect(fixture.device.takeLog().count > 1)
    }

    @Test(arguments: [1, 7, 42] as [UInt64])
    func `reads and writes anywhere give what a plain array would`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let fixture = CacheFixture(200_000, limit: 64 << 10, maximumRequest: 12 << 10)
        var model = fixture.device.image
        let file = ReadAhead(maximumBytes: 32 << 10)
        for step in 0..<400 {
            let offset = Int.random(in: 0..<390, using: &random) * 512
            let count = min(Int.random(in: 1...40, using: &random) * 512, model.count - offset)
            if Bool.random(using: &random) {
                let byte = UInt8(truncatingIfNeeded: step)
                let bytes = Array(repeating: byte, count: count)
                model.replaceSubrange(offset..<offset + count, with: bytes)
                fixture.write("w", bytes, at: UInt64(offset), isForced: step % 7 == 0)
                while Int.random(in: 0..<4, using: &random) > 0, !fixture.device.held.isEmpty {
                    fixture.device.answer()
                }
            }
            fixture.device.answerAll()
            fixture.read("r", UInt64(offset)..<UInt64(offset + count), readAhead: file)
            fixture.device.answerAll()
            let isRight = fixture.data.removeValue(forKey: "r").map {
                $0 == Array(model[offset..<offset + count])
            }
            #expect(isRight == true, "seed \(seed), step \(step), \(count) bytes at \(offset)")
        }
        fixture.flush("end")
        fixture.device.answerAll()
        #expect(fixture.outcomes["end"] == true)
        #expect(fixture.device.image == model)
        #expect(fixture.cache.writing.unwrittenBytes == 0)
    }
}

struct WriteBackTests {
    static let page = [UInt8](repeating: 0xAB, count: 4096)

    @Test func `a write waits in memory until a flush, which follows it to the device`() {
        let fixture = CacheFixture()
        fixture.write("w1", Self.page, at: 4096)
        fixture.write("w2", Self.page, at: 8192)
        #expect(fixture.outcomes == ["w1": true, "w2": true])
        #expect(fixture.device.takeLog() == [])
        fixture.read("back", 4096..<12288)
        #expect(fixture.data["back"] == Self.page + Self.page)
        fixture.flush("flush")
        #expect(fixture.device.takeLog() == ["W4096+8192"])
        fixture.device.answer()
        #expect(fixture.device.takeLog() == ["F0+0"])
        #expect(fixture.outcomes["flush"] == nil)
        fixture.device.answer()
        #expect(fixture.outcomes["flush"] == true)
    }

    @Test(arguments: [true, false])
    func `a forced write is on the medium when it completes`(hasForceUnitAccess: Bool) {
        let fixture = CacheFixture()
        fixture.device.canForceUnitAccess = hasForceUnitAccess
        fixture.write("w", Self.page, at: 0, isForced: true)
        #expect(fixture.device.takeLog() == [hasForceUnitAccess ? "W!0+4096" : "W0+4096"])
        fixture.device.answer()
        #expect(fixture.device.takeLog() == (hasForceUnitAccess ? [] : ["F0+0"]))
        fixture.device.answerAll()
        #expect(fixture.outcomes["w"] == true)
    }

    @Test func `a server that cannot flush is not asked to`() {
        let fixture = CacheFixture()
        fixture.device.canFlush = false
        fixture.write("w", Self.page, at: 0)
        fixture.flush("f")
        fixture.device.answer()
        #expect(fixture.outcomes["f"] == true)
        #expect(fixture.device.takeLog() == ["W0+4096"])
    }

    @Test func `a write-back that failed in the background fails the next flush, once`() {
        let fixture = CacheFixture()
        fixture.write("w", Self.page, at: 0)
        fixture.clock.advance(by: .seconds(30))
        fixture.timers.fireDue()
        #expect(fixture.device.takeLog() == ["W0+4096"])
        fixture.device.answer(false)
        fixture.flush("first")
        #expect(fixture.outcomes["first"] == false)
        fixture.flush("second")
        fixture.device.answerAll()
        #expect(fixture.outcomes["second"] == true)
    }

    @Test func `a failed forced write is reported on itself`() {
        let fixture = CacheFixture()
        fixture.write("w", Self.page, at: 0, isForced: true)
        fixture.device.answer(false)
        #expect(fixture.outcomes["w"] == false)
        fixture.flush("f")
        fixture.device.answerAll()
        #expect(fixture.outcomes["f"] == true)
    }

    @Test func `a second write to a page waits for the first one's write-back`() {
        let fixture = CacheFixture()
        fixture.write("old", Self.page, at: 0)
        fixture.flush("f1")
        fixture.write("new", [UInt8](repeating: 0xCD, count: 4096), at: 0)
        fixture.flush("f2")
        // Both flushes wait for what the page holds now: the first write alone may never be seen.
        #expect(fixture.device.takeLog() == ["W0+4096"])
        fixture.device.answer()
        #expect(fixture.device.takeLog() == ["W0+4096"])
        #expect(fixture.outcomes["f1"] == nil)
        fixture.device.answer()
        #expect(fixture.device.takeLog() == ["F0+0", "F0+0"])
        fixture.device.answerAll()
        #expect(fixture.device.image[0] == 0xCD)
        #expect(fixture.outcomes == ["old": true, "new": true, "f1": true, "f2": true])
    }

    @Test func `a write into a page that is being read wins over what arrives`() {
        let fixture = CacheFixture()
        fixture.read("r", 0..<4096)
        fixture.write("w", [UInt8](repeating: 1, count: 512), at: 512)
        #expect(fixture.outcomes["w"] == nil)
        fixture.device.answer()
        #expect(fixture.outcomes == ["r": true, "w": true])
        fixture.read("after", 0..<1536)
        let image = fixture.device.image
        #expect(
            fixture.data["after"] == image[0..<512] + [UInt8](repeating: 1, count: 512) + image[1024..<1536])
    }

    @Test func `a writer that is too fast waits for the device`() {
        let fixture = CacheFixture(limit: 64 << 10)
        for number in 0..<8 { fixture.write("\(number)", Self.page, at: UInt64(number) * 4096) }
        #expect(fixture.outcomes.count == 8)
        fixture.write("over", Self.page, at: 40960)
        #expect(fixture.outcomes["over"] == nil)
        fixture.device.answerAll()
        #expect(fixture.outcomes["over"] == true)
    }
}
