import TestSupport
import Testing
import WireFormat

@testable import USBMassStorage

struct KernelTranscriptTests {
    @Test func `a disk answers as the kernel's does`() {
        expectSame(KernelTranscript.disk, isCD: false, mayStall: false)
    }

    @Test func `a CD answers as the kernel's does`() {
        expectSame(KernelTranscript.cd, isCD: true, mayStall: false)
    }

    /// The same exchange; every short data stage towards the host is followed by one stall.
    @Test(arguments: [false, true])
    func `with stall set only a halt after short data is added`(isCD: Bool) {
        let plain = isCD ? KernelTranscript.cd : KernelTranscript.disk
        let lines = plain.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            let parts = line.components(separatedBy: " | ")
            guard parts.count == 3, parts[1].hasPrefix("IN ok"), !parts[2].hasSuffix("res=0") else {
                return String(line)
            }
            return "\(parts[0]) | \(parts[1]) | STALL | \(parts[2])"
        }
        expectSame(lines.joined(separator: "\n"), isCD: isCD, mayStall: true)
    }

    private func expectSame(_ transcript: String, isCD: Bool, mayStall: Bool) {
        var rig = TranscriptRig(isCD: isCD, mayStall: mayStall)
        let lines = transcript.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 148)
        for line in lines {
            let answer = rig.replay(String(line))
            #expect(answer == String(line))
        }
    }
}

private struct TranscriptRig {
    private var bench: Bench
    private let blockByteCount: Int

    init(isCD: Bool, mayStall: Bool) {
        var configuration = GadgetConfiguration()
        configuration.mayStall = mayStall
        bench = Bench(configuration, luns: [LogicalUnitConfiguration(isCD: isCD, isReadOnly: true)])
        bench.insert(Self.image)
        blockByteCount = isCD ? 2048 : 512
    }

    /// The first bytes that the transcript shows, then a pattern.
    private static let image: [UInt8] = {
        var image = TemporaryFolder.pattern(8 << 20, seed: 3)
        let start = bytes(
            """
            eb3c906d6b66732e66617400020404000200020040f80c002000020000000000
            00000000800029008825bf4e4f204e414d45
            """)
        image.replaceSubrange(0..<start.count, with: start)
        return image
    }()

    mutating func replay(_ line: String) -> String {
        if line.hasPrefix("CTL ") { return control(line) }
        if line.hasPrefix("SCSI ") { return scsi(line) }
        return wedge(line)
    }

    private mutating func control(_ line: String) -> String {
        let name = line.dropFirst(4).prefix(19).trimmingSuffix(" ")
        let setup = Self.setups[name]!
        let outcome = bench.control(setup.0, setup.1, value: setup.2, index: setup.3, length: setup.4)
        let padded = "CTL " + name + String(repeating: " ", count: 19 - name.count)
        switch outcome {
        case .stalled: return "\(padded)STALL"
        case .accepted: return "\(padded)ok"
        case .data(let pieces): return "\(padded)ok \(Hexadecimal.text(pieces.joined()))"
        default: return "\(padded)\(String(describing: outcome))"
        }
    }

    private static let setups: [String: (UInt8, UInt8, UInt16, UInt16, UInt16)] = [
        "GET_DESC dev": (0x80, 6, 0x0100, 0, 18), "GET_DESC cfg": (0x80, 6, 0x0200, 0, 255),
        "qualifier": (0x80, 6, 0x0600, 0, 10), "other speed": (0x80, 6, 0x0700, 0, 255),
        "string0": (0x80, 6, 0x0300, 0, 255), "string5": (0x80, 6, 0x0305, 0x0409, 255),
        "string bad lang": (0x80, 6, 0x0301, 0x0407, 255), "string 99": (0x80, 6, 0x0363, 0x0409, 255),
        "desc 0x22": (0x80, 6, 0x2200, 0, 255), "SET_CONFIG 1": (0x00, 9, 1, 0, 0),
        "SET_CONFIG 2": (0x00, 9, 2, 0, 0), "GET_CONFIG": (0x80, 8, 0, 0, 1),
        "GET_STATUS dev": (0x80, 0, 0, 0, 2), "GET_STATUS ep81": (0x82, 0, 0, 0x81, 2),
        "GET_INTERFACE": (0x81, 10, 0, 0, 1), "GET_MAX_LUN": (0xA1, 0xFE, 0, 0, 1),
        "GET_MAX_LUN idx1": (0xA1, 0xFE, 0, 1, 1), "GET_MAX_LUN val1": (0xA1, 0xFE, 1, 0, 1),
        "GET_MAX_LUN len2": (0xA1, 0xFE, 0, 0, 2), "BOT_RESET": (0x21, 0xFF, 0, 0, 0),
        "vendor req": (0xC0, 1, 0, 0, 4), "SET_INTERFACE 0 1": (0x01, 11, 1, 0, 0),
    ]

    private mutating func scsi(_ line: String) -> String {
        let name = line.dropFirst(5).prefix(27).trimmingSuffix(" ")
        let command = Self.command(named: name.trimmingPrefix(" "), blockByteCount: blockByteCount)
        var answer = "SCSI " + name + String(repeating: " ", count: 27 - name.count)
        let block = bytes(command.block)
        _ = bench.sendWrapper(
            block, host: command.byteCount, isIn: command.isIn, lun: command.lun, length: command.length)
        answer += "CBW ok"
        if command.byteCount > 0, command.isIn {
            answer += " | " + Self.text(bench.bulkIn(command.byteCount))
        } else if command.byteCount > 0 {
            let isTaken = bench.out([UInt8](repeating: 0, count: command.byteCount)) != nil
            answer += isTaken ? " | OUT ok" : " | OUT pending"
        }
        var status = bench.bulkIn(13)
        if status == .stalled {
            answer += " | STALL"
            _ = bench.control(0x02, 1, value: 0, index: 0x81)
            status = bench.bulkIn(13)
        }
        guard case .data(let pieces) = status, let wrapper = CommandStatusWrapper(decoding: pieces[0]) else {
            return answer + " | no status"
        }
        return answer + " | CSW \(wrapper.status.rawValue) res=\(wrapper.residue)"
    }

    private static func text(_ outcome: TransferOutcome?) -> String {
        guard case .data(let pieces) = outcome else { return "IN \(String(describing: outcome))" }
        let data = flat(pieces)
        let shown = Hexadecimal.text(data.prefix(50)) + (data.count > 64 ? "..(\(data.count))" : "")
        return "IN ok len=\(data.count) " + (data.count > 64 ? shown : Hexadecimal.text(data))
    }

    /// After a wrapper with a bad signature. Clearing halts and a bulk-out are of no avail until
    /// the reset.
    private mutating func wedge(_ line: String) -> String {
        switch line.trimmingPrefix(" ").prefix(7) {
        case "bad sig":
            let isTaken = bench.out([UInt8](repeating: 0x58, count: 31)) == .accepted(byteCount: 31)
            return isTaken ? "bad sig CBW -> ok" : "bad sig CBW -> not taken"
        case "then IN": return bench.bulkIn(13) == .stalled ? " then IN -> STALL" : " then IN -> data"
        case "clear h":
            return bench.control(0x02, 1, index: 0x81) == .accepted(byteCount: 0)
                ? " clear halt 81 -> ok" : "?"
        case "then OU":
            return bench.out([UInt8](repeating: 0, count: 31)) == .accepted(byteCount: 31)
                ? " then OUT -> ok" : "?"
        case "clear 0":
            return bench.control(0x02, 1, index: 0x01) == .accepted(byteCount: 0) ? " clear 01 ok" : "?"
        default:
            let steps = [
                bench.control(0x21, 0xFF), bench.control(0x02, 1, index: 0x81),
                bench.control(0x02, 1, index: 0x01),
            ]
            let words = steps.map { $0 == .accepted(byteCount: 0) ? "ok" : "?" }
            return " BOT reset -> " + words.joined(separator: " ")
        }
    }
}

extension TranscriptRig {
    struct Command {
        var block: String
        var byteCount = 0
        var isIn = true
        var lun: UInt8 = 0
        var length: Int?
    }

    /// The blocks behind the transcript's names. Where the record gives no length, it follows from
    /// the residue.
    private static func command(named name: String, blockByteCount: Int) -> Command {
        if let command = fixed[name] { return command }
        let block: String =
            switch name {
            case "READ10 lba0 1blk": "28000000000000000100"
            case "READ6": "080000000100"
            case "READ12": "a80000000000000000010000"
            default: "28180000000000000100"  // READ10 dpo/fua
            }
        return Command(block: block, byteCount: blockByteCount)
    }

    private static let fixed: [String: Command] = [
        "INQUIRY 36": Command(block: "120000002400", byteCount: 36),
        "INQUIRY 255": Command(block: "12000000ff00", byteCount: 255),
        "INQUIRY 5": Command(block: "120000000500", byteCount: 5),
        "INQUIRY alloc36 dlen 18": Command(block: "120000002400", byteCount: 18),
        "INQUIRY EVPD 0": Command(block: "12010000ff00", byteCount: 255),
        "INQUIRY EVPD 80": Command(block: "12018000ff00", byteCount: 255),
        "INQUIRY EVPD 83": Command(block: "12018300ff00", byteCount: 255),
        "REQUEST SENSE": Command(block: "030000001200", byteCount: 18),
        "TUR 1": Command(block: "000000000000"), "TUR 2": Command(block: "000000000000"),
        "TUR after eject": Command(block: "000000000000"),
        "TUR after reset recovery": Command(block: "000000000000"),
        "TUR w/ dlen 8 in": Command(block: "000000000000", byteCount: 8),
        "cdb len 5 for TUR": Command(block: "000000000000", length: 5),
        "cdb len 12 for TUR": Command(block: "000000000000", length: 12),
        "INQ cdblen 12": Command(block: "120000002400", byteCount: 36, length: 12),
        "LUN 1 INQUIRY": Command(block: "120000002400", byteCount: 36, lun: 1),
        "LUN 1 TUR": Command(block: "000000000000", lun: 1),
        "LUN1 SENSE": Command(block: "030000001200", byteCount: 18, lun: 1),
        "READ CAPACITY(10)": Command(block: "25000000000000000000", byteCount: 8),
        "READ CAP PMI": Command(block: "25000000000000000100", byteCount: 8),
        "READ CAPACITY(16)": Command(block: "9e10000000000000000000000020 0000", byteCount: 32),
        "READ FORMAT CAP": Command(block: "2300000000000000fc00", byteCount: 252),
        "MODE SENSE6 3f/4": Command(block: "1a003f000400", byteCount: 4),
        "MODE SENSE6 3f/192": Command(block: "1a003f00c000", byteCount: 192),
        "MODE SENSE6 08": Command(block: "1a000800ff00", byteCount: 255),
        "MODE SENSE6 1c": Command(block: "1a001c00c000", byteCount: 192),
        "MODE SENSE6 2a": Command(block: "1a002a00c000", byteCount: 192),
        "MODE SENSE6 sp3f/ff": Command(block: "1a003fffc000", byteCount: 192),
        "MODE SENSE6 saved pc3": Command(block: "1a00ff00c000", byteCount: 192),
        "MODE SENSE10 3f": Command(block: "5a003f0000000000ff00", byteCount: 255),
        "MODE SENSE10 2a": Command(block: "5a002a00000000008000", byteCount: 128),
        "MODE SELECT6": Command(block: "151000000400", byteCount: 4, isIn: false),
        "READ10 past end": Command(block: "28000000400000000100", byteCount: 512),
        "READ10 0 blocks": Command(block: "28000000000000000000"),
        "READ10 dlen short": Command(block: "28000000000000000800", byteCount: 512),
        "READ10 dlen long": Command(block: "28000000000000000100", byteCount: 4096),
        "READ10 dlen 0 (case 2)": Command(block: "28000000000000000100"),
        "READ16": Command(block: "88000000000000000000000000010000", byteCount: 512),
        "READ10 reserved bits": Command(block: "28e00000000000000100", byteCount: 512),
        "READ after eject": Command(block: "28000000000000000100", byteCount: 512),
        "WRITE10 (ro)": Command(block: "2a000000000000000100", byteCount: 512, isIn: false),
        "VERIFY10": Command(block: "2f000000000000000100"),
        "SYNC CACHE10": Command(block: "35000000000000000000"),
        "PREVENT 1": Command(block: "1e0000000100"), "PREVENT 0": Command(block: "1e0000000000"),
        "PREVENT 2": Command(block: "1e0000000200"),
        "START STOP eject prevented": Command(block: "1b0000000200"),
        "START STOP eject": Command(block: "1b0000000200"), "START 1": Command(block: "1b0000000100"),
        "STOP 0": Command(block: "1b0000000000"), "LOAD 3": Command(block: "1b0000000300"),
        "READ TOC fmt0 lba": Command(block: "43000000000000000c00", byteCount: 12),
        "READ TOC fmt0 msf /804": Command(block: "43020000000000032400", byteCount: 804),
        "READ TOC fmt1": Command(block: "43000100000000000c00", byteCount: 12),
        "READ TOC fmt2": Command(block: "43020200000000003000", byteCount: 48),
        "READ TOC fmt1 via c9=40": Command(block: "43000000000000000c40", byteCount: 12),
        "READ HEADER": Command(block: "44000000001000000800", byteCount: 8),
        "GET CONFIGURATION": Command(block: "46000000000000000800", byteCount: 8),
        "GET EVENT STATUS": Command(block: "4a010000100000000800", byteCount: 8),
        "READ DISC INFO": Command(block: "51000000000000002200", byteCount: 34),
        "READ TRACK INFO": Command(block: "52010000000000002400", byteCount: 36),
        "REPORT LUNS": Command(block: "a00000000000000000100000", byteCount: 16),
        "unknown c0 in": Command(block: "c0000000000000000000", byteCount: 64),
        "unknown c0 nodata": Command(block: "c0000000000000000000"),
    ]
}

extension StringProtocol {
    fileprivate func trimmingPrefix(_ character: Character) -> String { String(drop { $0 == character }) }
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = String(self)
        while text.last == character { text.removeLast() }
        return text
    }
    fileprivate func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = String(self)
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = String(rest[range.upperBound...])
        }
        return parts + [rest]
    }
}
