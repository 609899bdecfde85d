/// What is fixed about one command: its length, where its transfer length is, and which bytes of it
/// may be other than zero.
struct CommandRule: Sendable {
    /// How many bytes the command says it wants to move.
    enum Amount: Sendable {
        case none
        case fixed(Int)
        /// An allocation or parameter list length in these bytes of the block.
        case bytes(at: Int, count: Int)
        /// A transfer length in blocks.
        case blocks(at: Int, count: Int)
    }
    let byteCount: Int
    let direction: CommandBlockWrapper.Direction
    let amount: Amount
    /// Bit n: byte n of the command block may be non-zero.
    let mask: UInt32
    let needsMedium: Bool

    init(
        _ byteCount: Int, _ direction: CommandBlockWrapper.Direction, _ amount: Amount, mask: [Int],
        needsMedium: Bool
    ) {
        self.byteCount = byteCount
        self.direction = direction
        self.amount = amount
        self.mask = mask.reduce(0) { $0 | 1 << UInt32($1) }
        self.needsMedium = needsMedium
    }

    /// - Returns: bytes, or blocks for ``Amount/blocks(at:count:)``.
    func amount(in block: CommandDescriptorBlock) -> UInt64 {
        switch amount {
        case .none: return 0
        case .fixed(let count): return UInt64(count)
        case .bytes(let index, let count): return block.bigEndian(at: index, byteCount: count)
        case .blocks(let index, let count):
            let blocks = block.bigEndian(at: index, byteCount: count)
            // READ(6) and WRITE(6): 0 means 256 (SBC-3 §5.10).
            return count == 1 && blocks == 0 ? 256 : blocks
        }
    }

    /// The commands of f_mass_storage. `nil`: unknown, or not for this medium type.
    ///
    /// Built once per opcode: the hot path only looks them up.
    static func kernel(_ block: CommandDescriptorBlock, isCD: Bool) -> CommandRule? {
        switch block.opcode {
        case .readTOC, .readHeader: isCD ? kernelRules[Int(block[0])] : nil
        case .serviceActionIn16:
            block[1] & 0x1F == ServiceAction.readCapacity16 ? kernelRules[Int(block[0])] : nil
        default: kernelRules[Int(block[0])]
        }
    }

    private static let kernelRules: [CommandRule?] = table([
        .testUnitReady: CommandRule(6, .none, .none, mask: [], needsMedium: true),
        .requestSense: CommandRule(6, .toHost, .bytes(at: 4, count: 1), mask: [4], needsMedium: false),
        .inquiry: CommandRule(6, .toHost, .bytes(at: 4, count: 1), mask: [4], needsMedium: false),
        .modeSelect6: CommandRule(6, .fromHost, .bytes(at: 4, count: 1), mask: [1, 4], needsMedium: false),
        .modeSelect10: CommandRule(
            10, .fromHost, .bytes(at: 7, count: 2), mask: [1, 7, 8], needsMedium: false),
        .modeSense6: CommandRule(6, .toHost, .bytes(at: 4, count: 1), mask: [1, 2, 4], needsMedium: false),
        .modeSense10: CommandRule(
            10, .toHost, .bytes(at: 7, count: 2), mask: [1, 2, 7, 8], needsMedium: false),
        .preventAllowMediumRemoval: CommandRule(6, .none, .none, mask: [4], needsMedium: false),
        .startStopUnit: CommandRule(6, .none, .none, mask: [1, 4], needsMedium: false),
        .read6: CommandRule(6, .toHost, .blocks(at: 4, count: 1), mask: [1, 2, 3, 4], needsMedium: true),
        .read10: CommandRule(10, .toHost, .blocks(at: 7, count: 2), mask: bytes10, needsMedium: true),
        .read12: CommandRule(12, .toHost, .blocks(at: 6, count: 4), mask: bytes12, needsMedium: true),
        .read16: CommandRule(16, .toHost, .blocks(at: 10, count: 4), mask: bytes16, needsMedium: true),
        .write6: CommandRule(6, .fromHost, .blocks(at: 4, count: 1), mask: [1, 2, 3, 4], needsMedium: true),
        .write10: CommandRule(10, .fromHost, .blocks(at: 7, count: 2), mask: bytes10, needsMedium: true),
        .write12: CommandRule(12, .fromHost, .blocks(at: 6, count: 4), mask: bytes12, needsMedium: true),
        .write16: CommandRule(16, .fromHost, .blocks(at: 10, count: 4), mask: bytes16, needsMedium: true),
        .readCapacity10: CommandRule(10, .toHost, .fixed(8), mask: [2, 3, 4, 5, 8], needsMedium: true),
        .serviceActionIn16: CommandRule(
            16, .toHost, .bytes(at: 10, count: 4), mask: bytes16 + [14], needsMedium: true),
        .readFormatCapacities: CommandRule(
            10, .toHost, .bytes(at: 7, count: 2), mask: [7, 8], needsMedium: true),
        .readHeader: CommandRule(
            10, .toHost, .bytes(at: 7, count: 2), mask: [1, 2, 3, 4, 5, 7, 8], needsMedium: true),
        .readTOC: CommandRule(
            10, .toHost, .bytes(at: 7, count: 2), mask: [1, 2, 6, 7, 8, 9], needsMedium: true),
        .synchronizeCache10: CommandRule(10, .none, .none, mask: [2, 3, 4, 5, 7, 8], needsMedium: true),
        .verify10: CommandRule(10, .none, .none, mask: bytes10, needsMedium: true),
    ])

    static let bytes10 = [1, 2, 3, 4, 5, 7, 8]
    static let bytes12 = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    static let bytes16 = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]

    static func table(_ rules: KeyValuePairs<Opcode, CommandRule>) -> [CommandRule?] {
        var table = [CommandRule?](repeating: nil, count: 256)
        for (opcode, rule) in rules { table[Int(opcode.rawValue)] = rule }
        return table
    }
}
