import TestSupport
import Testing
import WireFormat

@testable import USBMassStorage

struct CommandTests {
    static let image = TemporaryFolder.pattern(1 << 20, seed: 2)

    enum Media: CaseIterable { case disk, cd, emptyDisk, emptyCD }

    private func bench(_ media: Media, _ profile: GadgetConfiguration.Profile) -> Bench {
        var configuration = GadgetConfiguration()
        configuration.profile = profile
        let isCD = media == .cd || media == .emptyCD
        var bench = Bench.ready(Self.image, configuration: configuration, lun: .init(isCD: isCD))
        if media == .emptyDisk || media == .emptyCD {
            bench.eject()
            _ = bench.scsi("000000000000")
        }
        return bench
    }

    /// Every opcode, with all other bytes zero or all set, in each direction.
    @Test(arguments: GadgetConfiguration.Profile.allCases, Media.allCases)
    func `every opcode has an answer and leaves the transport intact`(
        profile: GadgetConfiguration.Profile, media: Media
    ) {
        var answered: [UInt8: Int] = [:]
        for opcode in UInt8.min...UInt8.max {
            for fill: UInt8 in [0x00, 0x01, 0xFF] {
                for direction in 0..<3 {
                    var bench = bench(media, profile)
                    let block = [opcode] + [UInt8](repeating: fill, count: 15)
                    let text = Hexadecimal.text(block)
                    let reply = bench.scsi(
                        text, toHost: direction == 1 ? 4096 : 0,
                        fromHost: direction == 2 ? [UInt8](repeating: 0, count: 4096) : [])
                    #expect(reply.status != nil, "opcode \(opcode) fill \(fill) direction \(direction)")
                    if reply.status != nil { answered[opcode, default: 0] += 1 }
                    if reply.status == 1 { #expect(bench.sense() != "00/00/00") }
                    #expect(bench.scsi("120000002400", toHost: 36).status == 0)
                }
            }
        }
        #expect(answered.count == 256)
        #expect(answered.values.allSatisfy { $0 == 9 })
    }

    /// Opcodes with a meaning, and those refused as unknown, per profile and medium type.
    @Test(arguments: GadgetConfiguration.Profile.allCases, [false, true])
    func `unknown opcodes are refused with 05-20-00`(profile: GadgetConfiguration.Profile, isCD: Bool) {
        var refused: Set<UInt8> = []
        for opcode in UInt8.min...UInt8.max {
            var bench = bench(isCD ? .cd : .disk, profile)
            let block =
                opcode == 0x9E
                ? [opcode, 0x10] + [UInt8](repeating: 0, count: 14)
                : [opcode] + [UInt8](repeating: 0, count: 15)
            let reply = bench.scsi(Hexadecimal.text(block))
            if reply.status == 1, bench.sense() == "05/20/00" { refused.insert(opcode) }
        }
        var known: Set<UInt8> = [
            0x00, 0x03, 0x08, 0x0A, 0x12, 0x1A, 0x1B, 0x1E, 0x23, 0x25, 0x28, 0x2A, 0x2F, 0x35, 0x5A,
            0x88, 0x8A, 0x9E, 0xA8, 0xAA,
        ]
        if isCD { known.formUnion([0x43, 0x44]) }
        if profile == .strict { known.formUnion([0x1D, 0x8F, 0x91, 0xA0, 0xAF]) }
        if profile == .strict, isCD { known.formUnion([0x46, 0x4A, 0x51, 0x52]) }
        #expect(Set(UInt8.min...UInt8.max).subtracting(refused) == known)
    }

    @Test(arguments: GadgetConfiguration.Profile.allCases)
    func `all four sizes of READ and WRITE move the same blocks`(profile: GadgetConfiguration.Profile) {
        var bench = bench(.disk, profile)
        let reads = [
            "080000050200", "28000000000500000200", "a80000000005000000020000",
            "88000000000000000005000000020000",
        ]
        for read in reads {
            #expect(bench.scsi(read, toHost: 1024).data == Array(Self.image[2560..<3584]))
        }
        let writes = [
            "0a0000050200", "2a000000000500000200", "aa0000000005000000020000",
            "8a000000000000000005000000020000",
        ]
        for (index, write) in writes.enumerated() {
            let data = [UInt8](repeating: UInt8(index + 1), count: 1024)
            #expect(bench.scsi(write, fromHost: data) == Bench.Reply(status: 0, residue: 0))
            #expect(Array(bench.images[0]![2560..<3584]) == data)
        }
    }

    @Test func `READ 6 with length 0 means 256 blocks`() {
        var bench = bench(.disk, .linuxKernel)
        #expect(bench.scsi("080000000000", toHost: 256 * 512).data == Array(Self.image.prefix(256 * 512)))
    }

    /// Addresses and lengths around the end; the kernel hands over what there is first.
    @Test(
        arguments: GadgetConfiguration.Profile.allCases,
        [(2046, 2), (2047, 1), (2047, 2), (2048, 1), (2048, 0), (0xFFFF_FFFF, 1), (2040, 100)]
            as [(UInt32, UInt16)])
    func `reads at the end`(profile: GadgetConfiguration.Profile, range: (block: UInt32, count: UInt16)) {
        var bench = bench(.disk, profile)
        var block: [UInt8] = [0x28, 0]
        block.appendBigEndian(range.block)
        block.append(0)
        block.appendBigEndian(range.count)
        block.append(0)
        let room = Int(range.count) * 512
        let reply = bench.scsi(Hexadecimal.text(block), toHost: room)
        let there = max(0, min(Int(range.count), 2048 - Int(min(range.block, 2048))))
        if there == Int(range.count), range.block < 2048 || profile == .strict && range.block == 2048 {
            #expect(reply.status == 0 && reply.residue == 0)
        } else {
            let moved = profile == .linuxKernel && range.block < 2048 ? there * 512 : 0
            #expect(reply.status == 1)
            #expect(reply.residue == UInt32(room - moved))
            let sense = bench.sense()
            #expect(sense == (moved > 0 ? "05/21/00 at 2048" : "05/21/00"))
        }
    }

    @Test func `a read that goes past the last whole block sees the tail in the kernel profile alone`() {
        let image = Array(Self.image.prefix(1000))
        var kernel = Bench.ready(image)
        let reply = kernel.scsi("28000000000000000200", toHost: 1024)
        #expect(reply.data == image && reply.residue == 24 && reply.status == 1)
        var configuration = GadgetConfiguration()
        configuration.profile = .strict
        var strict = Bench.ready(image, configuration: configuration)
        #expect(strict.scsi("28000000000000000200", toHost: 1024).residue == 1024)
    }

    @Test(arguments: [0, 1, 511, 512, 700, 100_000] as [UInt64], GadgetConfiguration.Profile.allCases)
    func `a read error names the block and delivers what is before it`(
        bad: UInt64, profile: GadgetConfiguration.Profile
    ) {
        var bench = bench(.disk, profile)
        bench.badOffset = bad
        let reply = bench.scsi("2800000000000000ff00", toHost: 255 * 512)
        let good = bad / 512 * 512
        #expect(reply.status == 1)
        #expect(reply.data?.prefix(Int(good)) == Self.image.prefix(Int(good)))
        #expect(reply.residue == UInt32(255 * 512 - good))
        #expect(bench.sense() == "03/11/00 at \(bad / 512)")
        #expect(bench.sense() == "00/00/00", "sense data are taken once")
        bench.badOffset = nil
        #expect(bench.scsi("28000000000000000100", toHost: 512).status == 0)
    }

    @Test(arguments: [0, 512, 3000] as [UInt64])
    func `a write error names the block and the rest is dropped`(bad: UInt64) {
        var bench = bench(.disk, .linuxKernel)
        bench.badOffset = bad
        let reply = bench.scsi("2a000000000000000800", fromHost: [UInt8](repeating: 9, count: 4096))
        #expect(reply.status == 1)
        #expect(reply.residue == UInt32(4096 - bad / 512 * 512))
        #expect(bench.sense() == "03/0c/02 at \(bad / 512)")
    }

    /// The kernel fills buffers of 16 KiB: only one that begins past the end is an error, and is named.
    @Test(arguments: [
        (blocks: 2, status: UInt8(0), sense: "00/00/00"), (32, 0, "00/00/00"), (33, 1, "05/21/00 at 2079"),
    ])
    func `a write past the end writes what fits`(blocks: Int, status: UInt8, sense: String) {
        var bench = bench(.disk, .linuxKernel)
        let count = Hexadecimal.text([UInt8(blocks)])
        let reply = bench.scsi(
            "2a00000007ff0000\(count)00", fromHost: [UInt8](repeating: 9, count: blocks * 512))
        #expect(reply == Bench.Reply(status: status, residue: UInt32(blocks - 1) * 512))
        #expect(bench.sense() == sense)
        #expect(bench.images[0]!.suffix(512).allSatisfy { $0 == 9 })
    }

    @Test func `a write past the end writes nothing in the strict profile`() {
        var strict = self.bench(.disk, .strict)
        #expect(
            strict.scsi("2a00000007ff00000200", fromHost: [UInt8](repeating: 9, count: 1024)).residue == 1024)
        #expect(strict.images[0] == Self.image)
    }

    @Test(arguments: [false, true], [false, true])
    func `FUA reaches the medium unless nofua is set`(ignores: Bool, isForced: Bool) {
        var bench = Bench.ready(Self.image, lun: .init(ignoresForceUnitAccess: ignores))
        _ = bench.scsi(
            isForced ? "2a080000000000000100" : "2a000000000000000100",
            fromHost: [UInt8](repeating: 9, count: 512))
        guard case .write(0, _, let wasForced) = bench.requests.last else {
            Issue.record("no write")
            return
        }
        #expect(wasForced == (isForced && !ignores))
    }

    @Test func `flushes reach the medium, from a read-only one nothing is asked`() {
        var bench = bench(.disk, .linuxKernel)
        #expect(bench.scsi("35000000000000000000").status == 0)
        #expect(bench.requests.last == .flush)
        bench.badOffset = 0
        #expect(bench.scsi("35000000000000000000").status == 1)
        #expect(bench.sense() == "03/0c/02")
        var locked = Bench.ready(Self.image)
        _ = locked.scsi("1e0000000100")
        #expect(locked.requests.isEmpty)
        _ = locked.scsi("1e0000000000")
        #expect(locked.requests == [.flush], "unlocking flushes")
        var readOnly = Bench.ready(Self.image, lun: .init(isReadOnly: true))
        #expect(readOnly.scsi("35000000000000000000").status == 0)
        #expect(readOnly.requests.isEmpty)
    }

    @Test func `VERIFY reads in bounded pieces and reports what it finds`() {
        var bench = Bench.ready(TemporaryFolder.pattern(3 << 20))
        #expect(bench.scsi("2f000000000000180000").status == 0)
        #expect(bench.scsi("2f000000000000100000").status == 0)
        bench.badOffset = (1 << 20) + 600
        #expect(bench.scsi("2f000000000000170000").status == 1)
        #expect(bench.sense() == "03/11/00 at 2049")
        #expect(
            bench.requests.allSatisfy {
                if case .read(_, let count) = $0 {
                    count <= MassStorageDevice.storageChunkByteCount
                } else {
                    false
                }
            })
    }

    @Test func `the kernel cuts a CD at 2.36 GB, the strict profile does not`() {
        let byteCount: UInt64 = 4_700_000_000 / 2048 * 2048
        for profile in GadgetConfiguration.Profile.allCases {
            var configuration = GadgetConfiguration()
            configuration.profile = profile
            var device = MassStorageDevice(configuration: configuration, luns: [.init(isCD: true)])
            _ = device.insertMedium(lun: 0, byteCount: byteCount)
            #expect(
                device.medium(lun: 0)?.blockCount == (profile == .linuxKernel ? 1_151_999 : byteCount / 2048))
        }
    }

    @Test func `beyond 2 TiB READ CAPACITY 10 refers to 16`() {
        var bench = Bench()
        _ = bench.device.insertMedium(lun: 0, byteCount: 3 << 40)
        bench.configure()
        _ = bench.scsi("000000000000")
        #expect(bench.scsi("25000000000000000000", toHost: 8).data == bytes("ffffffff 00000200"))
        let long = bench.scsi("9e10000000000000000000000020 0000", toHost: 32).data
        #expect(long?.prefix(12) == bytes("000000017fffffff 00000200")[...])
    }

    @Test(arguments: [512, 1024, 4096])
    func `a disk has the block size of its backing device`(size: Int) {
        var bench = Bench()
        bench.images[0] = Self.image
        _ = bench.device.insertMedium(lun: 0, byteCount: 1 << 20, blockByteCount: size)
        bench.configure()
        _ = bench.scsi("000000000000")
        #expect(bench.scsi("28000000000100000100", toHost: size).data == Array(Self.image[size..<2 * size]))
    }

    @Test func `unit attentions: a reset comes first, a new medium once, an eject once`() {
        var bench = Bench.ready(Self.image)
        bench.eject()
        #expect(bench.scsi("1e0000000000").status == 1, "any command learns of the eject once")
        #expect(bench.sense() == "02/3a/00")
        #expect(bench.scsi("1e0000000000").status == 0)
        bench.insert(Self.image)
        #expect(bench.scsi("120000002400", toHost: 36).status == 0, "INQUIRY does not mind")
        #expect(bench.scsi("28000000000000000100", toHost: 512).status == 1)
        #expect(bench.sense() == "06/28/00")
        #expect(bench.scsi("28000000000000000100", toHost: 512).status == 0)
        bench.insert(Self.image)
        bench.configure()
        #expect(bench.scsi("000000000000").status == 1)
        #expect(bench.sense() == "06/29/00")
        #expect(bench.scsi("000000000000").status == 0)
    }

    @Test func `a host that ejects is reported, once, and the lock falls with a reset`() {
        var bench = Bench.ready(Self.image)
        _ = bench.scsi("1e0000000100")
        #expect(bench.device.isRemovalPrevented(lun: 0))
        #expect(bench.scsi("1b0000000200").status == 1)
        #expect(bench.ejected.isEmpty)
        _ = bench.control(0x21, 0xFF)
        #expect(!bench.device.isRemovalPrevented(lun: 0))
        #expect(bench.scsi("1b0000000200").status == 0)
        #expect(bench.scsi("1b0000000200").status == 0)
        #expect(bench.ejected == [0])
        #expect(bench.device.medium(lun: 0) == nil)
    }

    @Test func `a forced eject opens the lock`() {
        var bench = Bench.ready(Self.image)
        _ = bench.scsi("1e0000000100")
        bench.forceEject()
        #expect(!bench.device.isRemovalPrevented(lun: 0))
        #expect(bench.scsi("28000000000000000100", toHost: 512).status == 1)
        #expect(bench.sense() == "02/3a/00")
        bench.forceEject()
    }

    @Test func `an own INQUIRY text is cut and filled, the default follows LUN 0`() {
        var bench = Bench(luns: [
            .init(isCD: true), .init(inquiryText: "Vendor  Prod"),
            .init(inquiryText: String(repeating: "x", count: 40)),
        ])
        bench.configure()
        func text(_ lun: UInt8) -> String {
            String(decoding: bench.scsi("120000002400", toHost: 36, lun: lun).data![8...], as: UTF8.self)
        }
        #expect(text(0) == "Linux   File-CD Gadget  0601")
        #expect(text(1) == "Vendor  Prod                ")
        #expect(text(2) == String(repeating: "x", count: 28))
        bench.device.reconfigure(lun: 1) { $0.inquiryText = nil }
        #expect(text(1) == "Linux   File-CD Gadget  0601")
    }

    @Test func `a fixed disk neither locks nor ejects`() {
        var bench = Bench.ready(Self.image, lun: .init(isRemovable: false))
        for block in ["1e0000000100", "1b0000000200"] {
            #expect(bench.scsi(block).status == 1)
            #expect(bench.sense() == "05/20/00")
        }
        #expect(bench.scsi("120000002400", toHost: 36).data?[1] == 0)
    }
}
