import TestSupport
import Testing

@testable import USBMassStorage

/// What the strict profile offers beyond the kernel's.
struct StrictProfileTests {
    private func bench(isCD: Bool, byteCount: Int = 1 << 20) -> Bench {
        var configuration = GadgetConfiguration()
        configuration.profile = .strict
        configuration.serialNumber = "0123456789AB"
        return Bench.ready(
            TemporaryFolder.pattern(byteCount), configuration: configuration, lun: .init(isCD: isCD))
    }

    /// Replies are padded with zeroes to what the host asked for; the residue tells how much counts.
    private func reply(_ bench: inout Bench, _ block: String, _ byteCount: Int) -> [UInt8]? {
        let reply = bench.scsi(block, toHost: byteCount)
        guard reply.status == 0, let data = reply.data, let residue = reply.residue else { return nil }
        return Array(data.dropLast(Int(residue)))
    }

    @Test func `vital product data name the unit`() {
        var bench = bench(isCD: false)
        #expect(reply(&bench, "12010000ff00", 255) == bytes("00 00 0003 00 80 83"))
        #expect(reply(&bench, "12018000ff00", 255) == bytes("00 80 000c") + Array("0123456789AB".utf8))
        let page = reply(&bench, "12018300ff00", 255)
        #expect(page?.prefix(8) == bytes("00 83 0028 02 01 00 24")[...])
        #expect(page?.suffix(12) == Array("0123456789AB".utf8)[...])
        #expect(bench.scsi("12018400ff00", toHost: 255).status == 1)
        #expect(bench.sense() == "05/24/00")
        #expect(bench.scsi("12008000ff00", toHost: 255).status == 1)
    }

    @Test func `REPORT LUNS lists them, on any LUN, past a unit attention`() {
        var configuration = GadgetConfiguration()
        configuration.profile = .strict
        var bench = Bench(configuration, luns: [.init(), nil, .init()])
        bench.configure()
        let expected = bytes("00000010 00000000 0000000000000000 0002000000000000")
        for lun: UInt8 in 0...2 {
            let reply = bench.scsi("a00000000000000000400000", toHost: 64, lun: lun)
            #expect(reply.status == 0 && reply.residue == 40)
            #expect(reply.data?.prefix(24) == expected[...])
        }
        #expect(bench.scsi("a00003000000000000400000", toHost: 64).status == 1)
    }

    @Test func `the table of contents starts at the lead-out if asked to`() {
        var bench = bench(isCD: true)
        #expect(reply(&bench, "430000000000aa000c00", 12) == bytes("000a0101 0016aa00 00000200"))
        #expect(reply(&bench, "43000100000000000c00", 12) == bytes("000a0101 00160100 00000000"))
        #expect(bench.scsi("43000000000002000c00", toHost: 12).status == 1)
        #expect(bench.sense() == "05/24/00")
    }

    @Test func `a CD drive and a DVD drive tell their profiles`() {
        var cd = bench(isCD: true)
        #expect(reply(&cd, "46000000000000000800", 8)?.suffix(2) == [0x00, 0x08])
        var configuration = GadgetConfiguration()
        configuration.profile = .strict
        var dvd = Bench(configuration, luns: [.init(isCD: true)])
        dvd.configure()
        #expect(reply(&dvd, "46000000000000000800", 8) == bytes("00000048 0000 0000"))
        _ = dvd.device.insertMedium(lun: 0, byteCount: 4 << 30)
        #expect(reply(&dvd, "46000000000000000800", 8)?.suffix(2) == [0x00, 0x10])
    }

    @Test func `features are listed in order and one by one`() {
        var bench = bench(isCD: true)
        let all = reply(&bench, "4600000000000000ff00", 255)!
        var codes: [Int] = []
        var rest = all[8...]
        while rest.count >= 4 {
            codes.append(Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1]))
            rest = rest.dropFirst(4 + Int(rest[rest.startIndex + 3]))
        }
        #expect(codes == [0, 1, 2, 3, 0x10, 0x1E, 0x1F])
        #expect(rest.isEmpty && Int(all[3]) == all.count - 4)
        #expect(reply(&bench, "4602001e00000000ff00", 255)?.count == 16)
        #expect(reply(&bench, "4602002000000000ff00", 255)?.count == 8)
        #expect(reply(&bench, "4601001e00000000ff00", 255)?.count == 16, "only the CD's is current")
    }

    @Test func `each insertion and removal is an event once`() {
        var bench = bench(isCD: true)
        let poll = "4a010000100000000800"
        #expect(reply(&bench, poll, 8) == bytes("0006 04 10 02 02 0000"))
        #expect(reply(&bench, poll, 8) == bytes("0006 04 10 00 02 0000"))
        bench.eject()
        #expect(reply(&bench, poll, 8) == bytes("0006 04 10 03 00 0000"))
        #expect(bench.scsi("4a000000100000000800", toHost: 8).status == 1, "asynchronous is not offered")
    }

    @Test func `disc, track and drive are described`() {
        var bench = bench(isCD: true)
        #expect(reply(&bench, "51000000000000002200", 34)?.prefix(7) == bytes("0020 0e 01 01 01 01")[...])
        let track = reply(&bench, "52010000000100002400", 36)
        #expect(track?.count == 36)
        #expect(track?[24..<28] == bytes("00000200")[...])
        #expect(bench.scsi("52010000000200002400", toHost: 36).status == 1)
        let page = reply(&bench, "5a002a00000000008000", 128)
        #expect(page?.count == 8 + 22)
        #expect(page?[8..<10] == bytes("2a14")[...])
        #expect(reply(&bench, "5a003f00000000008000", 128)?.count == 8 + 12 + 22)
    }

    @Test func `an allocation larger than the host's room is no phase error`() {
        var bench = bench(isCD: false)
        #expect(bench.scsi("12000000ff00", toHost: 36).status == 0)
        var kernel = Bench.ready(TemporaryFolder.pattern(4096))
        #expect(kernel.scsi("12000000ff00", toHost: 36).status == 2)
    }

    @Test func `REQUEST SENSE reports a pending unit attention and takes it`() {
        var bench = bench(isCD: false)
        bench.insert(TemporaryFolder.pattern(4096))
        #expect(bench.sense() == "06/28/00")
        #expect(bench.scsi("000000000000").status == 0)
    }

    @Test func `the information field is left out where 32 bits do not hold the block`() {
        let far = SenseData(.unrecoveredReadError, information: 0x1_0000_0002)
        #expect(far.encoded(truncatesInformation: true).prefix(7) == bytes("f0 00 03 00000002")[...])
        #expect(far.encoded(truncatesInformation: false).prefix(7) == bytes("70 00 03 00000000")[...])
    }
}
