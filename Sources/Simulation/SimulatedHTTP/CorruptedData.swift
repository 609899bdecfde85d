import FaultPoints

/// Wrong data that looks right.
enum CorruptedData {
    static let sectorBytes = 512

    /// Bytes of the same image that stand in for the right ones.
    enum Other: Equatable {
        /// Those of the generation before.
        case earlier
        /// Those so much further on.
        case further(byteCount: Int)
    }

    /// - Returns: what to replace all of the data with; `nil` when it was changed in place.
    static func apply(_ corruption: FaultAction.Corruption, to data: inout [UInt8]) -> Other? {
        guard !data.isEmpty else { return nil }
        switch corruption {
        case .bitFlip(let bit):
            let place = wrapped(bit, data.count * 8)
            data[place / 8] ^= 1 << UInt8(place % 8)
        case .zero(let start):
            let first = wrapped(start, data.count)
            for index in first..<min(first + sectorBytes, data.count) { data[index] = 0 }
        case .stale: return .earlier
        case .swap(let first, let second): swap(first, second, in: &data)
        case .shift(let byteCount): return .further(byteCount: byteCount)
        }
        return nil
    }

    /// Zeroes the sectors whose bit is not set; the pattern repeats after 64 sectors.
    static func tear(_ data: inout [UInt8], sectors: UInt64) {
        for index in data.indices where sectors >> UInt64(index / sectorBytes % 64) & 1 == 0 {
            data[index] = 0
        }
    }

    /// Whole sectors only.
    private static func swap(_ first: Int, _ second: Int, in data: inout [UInt8]) {
        let sectorCount = data.count / sectorBytes
        guard sectorCount >= 2 else { return }
        let one = wrapped(first, sectorCount)
        let other = wrapped(second, sectorCount)
        for index in 0..<sectorBytes {
            data.swapAt(one * sectorBytes + index, other * sectorBytes + index)
        }
    }

    /// Past the end counts round, so that a fault always has an effect.
    private static func wrapped(_ number: Int, _ modulus: Int) -> Int {
        let rest = number % modulus
        return rest < 0 ? rest + modulus : rest
    }
}
