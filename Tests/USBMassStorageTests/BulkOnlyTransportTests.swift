import TestSupport
import Testing

@testable import USBMassStorage

/// BOT §6 on the device side, in both profiles, with and without stalls.
struct BulkOnlyTransportTests {
    struct Variant: CustomTestStringConvertible, Sendable {
        var profile: GadgetConfiguration.Profile
        var mayStall: Bool
        var testDescription: String { "\(profile.rawValue)\(mayStall ? ", stalling" : "")" }

        static let all: [Variant] = GadgetConfiguration.Profile.allCases.flatMap { profile in
            [false, true].map { Variant(profile: profile, mayStall: $0) }
        }

        func bench(_ lun: LogicalUnitConfiguration = .init()) -> Bench {
            var configuration = GadgetConfiguration()
            configuration.profile = profile
            configuration.mayStall = mayStall
            return Bench.ready(BulkOnlyTransportTests.image, configuration: configuration, lun: lun)
        }
    }

    static let image = TemporaryFolder.pattern(64 << 10, seed: 1)
    static let testUnitReady = "000000000000"
    static let readOne = "28000000000000000100"
    static let readTwo = "28000000000000000200"
    static let writeOne = "2a000000000000000100"
    static let writeTwo = "2a000000000000000200"
    static let blockOfOnes = [UInt8](repeating: 1, count: 512)

    /// The case, what the host announces, and what must come of it (BOT §6.7).
    struct Case: CustomTestStringConvertible, Sendable {
        var number: Int
        var block: String
        var toHost = 0
        var fromHost = 0
        var status: UInt8
        var residue: UInt32
        /// How many bytes of the image reach the host.
        var movedByteCount = 0
        var writtenByteCount = 0
        var testDescription: String { "case \(number)" }
    }

    static let cases = [
        Case(number: 1, block: testUnitReady, status: 0, residue: 0),
        Case(number: 2, block: readOne, status: 2, residue: 0),
        Case(number: 3, block: writeOne, status: 2, residue: 0),
        Case(number: 4, block: testUnitReady, toHost: 64, status: 0, residue: 64),
        Case(number: 5, block: readOne, toHost: 1024, status: 0, residue: 512, movedByteCount: 512),
        Case(number: 6, block: readOne, toHost: 512, status: 0, residue: 0, movedByteCount: 512),
        Case(number: 7, block: readTwo, toHost: 512, status: 2, residue: 0, movedByteCount: 512),
        Case(number: 8, block: writeOne, toHost: 512, status: 2, residue: 512),
        Case(number: 9, block: testUnitReady, fromHost: 64, status: 0, residue: 64),
        Case(number: 10, block: readOne, fromHost: 512, status: 2, residue: 512),
        Case(number: 11, block: writeOne, fromHost: 1024, status: 0, residue: 512, writtenByteCount: 512),
        Case(number: 12, block: writeOne, fromHost: 512, status: 0, residue: 0, writtenByteCount: 512),
        Case(number: 13, block: writeTwo, fromHost: 512, status: 2, residue: 0),
    ]

    @Test(arguments: Variant.all, cases)
    func `the thirteen cases`(variant: Variant, of: Case) {
        var bench = variant.bench()
        let payload = [UInt8](repeating: 0xA5, count: of.fromHost)
        let reply = bench.scsi(of.block, toHost: of.toHost, fromHost: payload)
        #expect(reply.status == of.status)
        let isShort = of.toHost > 0 && of.movedByteCount < of.toHost
        let isPadded = isShort && variant.profile == .strict && !variant.mayStall
        if of.toHost > 0 {
            let zeroes = [UInt8](repeating: 0, count: isPadded ? of.toHost - of.movedByteCount : 0)
            #expect(reply.data == Self.image.prefix(of.movedByteCount) + zeroes)
        }
        #expect(reply.stalls == (isShort && variant.mayStall ? 1 : 0))
        if of.number == 13, variant.profile == .strict {
            // Nothing is written, so all of it is residue.
            #expect(reply.residue == 512)
            #expect(bench.images[0] == Self.image)
        } else {
            #expect(reply.residue == of.residue)
            let written = of.number == 13 ? 512 : of.writtenByteCount
            #expect(
                bench.images[0] == [UInt8](repeating: 0xA5, count: written) + Self.image.dropFirst(written))
        }
        // The transport is intact afterwards.
        #expect(
            bench.scsi(Self.readOne, toHost: 512).data == Array(Self.image.prefix(512))
                || of.writtenByteCount > 0 || of.number == 13)
        #expect(bench.scsi(Self.testUnitReady) == Bench.Reply(status: 0, residue: 0))
    }

    @Test(arguments: Variant.all, Array(0...64).filter { $0 != 31 })
    func `a wrapper of another length wedges until reset recovery`(variant: Variant, byteCount: Int) {
        var bench = variant.bench()
        let wrapper = CommandBlockWrapper(
            tag: 1, transferByteCount: 0, direction: .none, lun: 0, commandBlock: .testUnitReady
        ).encoded
        let sent = Array((wrapper + [UInt8](repeating: 0, count: 64)).prefix(byteCount))
        #expect(bench.out(sent) == .accepted(byteCount: byteCount))
        expectWedgedUntilReset(&bench)
    }

    @Test(arguments: Variant.all, 0..<4)
    func `a wrong signature wedges until reset recovery`(variant: Variant, index: Int) {
        var bench = variant.bench()
        var wrapper = CommandBlockWrapper(
            tag: 1, transferByteCount: 0, direction: .none, lun: 0, commandBlock: .testUnitReady
        ).encoded
        wrapper[index] ^= 0x20
        #expect(bench.out(wrapper) == .accepted(byteCount: 31))
        expectWedgedUntilReset(&bench)
    }

    private func expectWedgedUntilReset(_ bench: inout Bench) {
        #expect(bench.bulkIn(13) == .stalled)
        _ = bench.control(0x02, 1, index: 0x81)
        #expect(bench.control(0x82, 0, index: 0x81, length: 2) == .data([[1, 0]]))
        #expect(bench.bulkIn(13) == .stalled)
        #expect(bench.scsi(Self.testUnitReady).status == nil)
        #expect(bench.control(0x21, 0xFF) == .accepted(byteCount: 0))
        _ = bench.control(0x02, 1, index: 0x81)
        _ = bench.control(0x02, 1, index: 0x01)
        #expect(bench.scsi(Self.testUnitReady) == Bench.Reply(status: 0, residue: 0))
    }

    @Test(
        arguments: Variant.all,
        [(12, 0x01), (12, 0x40), (13, 0x10), (13, 0x80), (14, 0x00), (14, 0x11), (14, 0xFF)])
    func `a meaningless wrapper is passed over, or stalls both pipes`(
        variant: Variant, change: (index: Int, value: Int)
    ) {
        var bench = variant.bench()
        var wrapper = CommandBlockWrapper(
            tag: 1, transferByteCount: 0, direction: .none, lun: 0, commandBlock: .testUnitReady
        ).encoded
        wrapper[change.index] = UInt8(change.value)
        #expect(bench.out(wrapper) == .accepted(byteCount: 31))
        #expect(bench.control(0x82, 0, index: 0x81, length: 2) == .data([[variant.mayStall ? 1 : 0, 0]]))
        #expect(bench.control(0x82, 0, index: 0x01, length: 2) == .data([[variant.mayStall ? 1 : 0, 0]]))
        _ = bench.control(0x21, 0xFF)
        _ = bench.control(0x02, 1, index: 0x81)
        _ = bench.control(0x02, 1, index: 0x01)
        #expect(bench.scsi(Self.testUnitReady) == Bench.Reply(status: 0, residue: 0))
    }

    @Test(arguments: [0, 1, 64, 511], Variant.all)
    func `a host that stops sending early gets its status`(byteCount: Int, variant: Variant) {
        var bench = variant.bench()
        _ = bench.sendWrapper(bytes(Self.writeTwo), host: 1024, isIn: false)
        #expect(bench.out([UInt8](repeating: 7, count: 512)) == .accepted(byteCount: 512))
        #expect(bench.out([UInt8](repeating: 7, count: byteCount)) == .accepted(byteCount: byteCount))
        guard case .data(let pieces) = bench.bulkIn(13) else {
            Issue.record("no status")
            return
        }
        let status = CommandStatusWrapper(decoding: pieces[0])
        #expect(status?.residue == 512)
        #expect(bench.images[0] == [UInt8](repeating: 7, count: 512) + Self.image.dropFirst(512))
    }

    @Test(arguments: [6, 10, 12, 16])
    func `longer command blocks than needed are taken, shorter ones are not`(length: Int) {
        var bench = Bench.ready(Self.image)
        #expect(bench.scsi(Self.testUnitReady, length: length) == Bench.Reply(status: 0, residue: 0))
        let read = bench.scsi(Self.readOne, toHost: 512, length: length)
        #expect(read.status == (length >= 10 ? 0 : 2))
        // Bytes past the announced length do not count (USB-IF test 1.19).
        var block = bytes("120000002400") + [UInt8](repeating: 0xFF, count: 10)
        block[6] = 0x55
        _ = bench.sendWrapper(block, host: 36, isIn: true, length: 6)
        guard case .data(let pieces) = bench.bulkIn(36) else {
            Issue.record("no data")
            return
        }
        #expect(pieces.joined().count == 36)
    }

    @Test func `class requests are exact or stall, and a good one still works`() {
        var bench = Bench()
        #expect(bench.control(0xA1, 0xFE, length: 1) == .stalled, "not configured yet")
        bench.configure()
        for (value, index, length) in [(1, 0, 1), (0, 1, 1), (0, 0, 0), (0, 0, 2)]
            as [(UInt16, UInt16, UInt16)]
        {
            #expect(bench.control(0xA1, 0xFE, value: value, index: index, length: length) == .stalled)
        }
        #expect(bench.control(0xA1, 0xFE, length: 1) == .data([[0]]))
        for (value, index, length) in [(1, 0, 0), (0, 1, 0), (0, 0, 1)] as [(UInt16, UInt16, UInt16)] {
            #expect(bench.control(0x21, 0xFF, value: value, index: index, length: length) == .stalled)
        }
        #expect(bench.control(0x21, 0xFF) == .accepted(byteCount: 0))
    }

    @Test func `the highest LUN counts gaps`() {
        var bench = Bench(luns: [.init(), nil, nil, .init()])
        bench.configure()
        #expect(bench.control(0xA1, 0xFE, length: 1) == .data([[3]]))
        #expect(bench.scsi("120000002400", toHost: 36, lun: 3).data?.first == 0)
        #expect(bench.scsi("120000002400", toHost: 36, lun: 1).data?.first == 0x7F)
        #expect(bench.scsi(Self.testUnitReady, lun: 1).status == 1)
        #expect(bench.sense(lun: 1) == "05/25/00")
    }

    @Test func `halts set by the host hold until cleared`() {
        var bench = Bench.ready(Self.image)
        #expect(bench.control(0x02, 3, index: 0x01) == .accepted(byteCount: 0))
        #expect(bench.out([1]) == .stalled)
        _ = bench.control(0x02, 1, index: 0x01)
        #expect(bench.control(0x02, 3, index: 0x81) == .accepted(byteCount: 0))
        #expect(bench.bulkIn(13) == .stalled)
        _ = bench.control(0x02, 1, index: 0x81)
        #expect(bench.scsi(Self.testUnitReady).status == 0)
        #expect(bench.control(0x02, 3, index: 0x02) == .stalled)
    }

    @Test func `endpoints that are not there stall`() {
        var bench = Bench.ready(Self.image)
        let out = bench.submit { .bulkOut($0, endpoint: 2, [0]) }
        let into = bench.submit { .bulkIn($0, endpoint: 3, byteCount: 1) }
        #expect(bench.completions[out] == .stalled)
        #expect(bench.completions[into] == .stalled)
        var unconfigured = Bench()
        #expect(unconfigured.bulkIn(13) == .stalled)
    }

    @Test func `a queue beyond its limit is refused`() {
        var bench = Bench.ready(Self.image)
        for _ in 0..<maximumQueuedTransfers { #expect(bench.bulkIn(13) == nil) }
        #expect(bench.bulkIn(13) == .stalled)
        bench.feed(.busReset)
        #expect(bench.completions.values.filter { $0 == .cancelled }.count == maximumQueuedTransfers)
    }
}
