import FaultPoints

/// What was written to a disk with a volatile cache, by sectors: what is durable, what a reader sees, and
/// what a crash may still lose.
package struct SectorLog {
    static let sectorBytes = DataFaults.sectorBytes

    /// A sector of a write that no flush has confirmed.
    private struct Unflushed {
        var write: Int
        var sector: UInt64
        var bytes: [UInt8]
    }

    /// What a crash keeps of the writes that no flush has confirmed.
    package enum Survivors: Equatable, Sendable {
        case none
        case all
        /// So many writes, the oldest first.
        case oldest(Int)
        /// Bit n stands for the n-th unflushed sector in the order written, and repeats after 64.
        case sectors(UInt64)
    }

    private(set) var durable: [UInt64: [UInt8]] = [:]
    private(set) var current: [UInt64: [UInt8]] = [:]
    /// Before the last write of each sector; without an entry, what the base has.
    private(set) var earlier: [UInt64: [UInt8]] = [:]
    private var unflushed: [Unflushed] = []
    private var writes = 0

    var unflushedSectorCount: Int { unflushed.count }

    /// - Parameter sectors: whole ones, by number, in order.
    mutating func write(_ sectors: [(number: UInt64, bytes: [UInt8])], isDurable: Bool) {
        writes += 1
        for (number, bytes) in sectors {
            earlier[number] = current[number]
            current[number] = bytes
            if isDurable {
                durable[number] = bytes
                // What was cached of it is older.
                unflushed.removeAll { $0.sector == number }
            } else {
                unflushed.append(Unflushed(write: writes, sector: number, bytes: bytes))
            }
        }
    }

    mutating func flush() { keep { _, _ in true } }

    mutating func crash(_ survivors: Survivors) {
        switch survivors {
        case .none: keep { _, _ in false }
        case .all: keep { _, _ in true }
        case .oldest(let count):
            var order: [Int] = []
            for item in unflushed where order.last != item.write { order.append(item.write) }
            let limit = count <= 0 ? 0 : count >= order.count ? Int.max : order[count - 1]
            keep { item, _ in item.write <= limit }
        case .sectors(let mask): keep { _, index in mask >> UInt64(index % 64) & 1 == 1 }
        }
        current = durable
        earlier = [:]
    }

    private mutating func keep(_ isKept: (Unflushed, Int) -> Bool) {
        for (index, item) in unflushed.enumerated() where isKept(item, index) {
            durable[item.sector] = item.bytes
        }
        unflushed = []
    }
}
