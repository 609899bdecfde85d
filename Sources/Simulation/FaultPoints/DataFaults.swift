/// Changes data on its way, in place. Pure: memory in, memory out.
package enum DataFaults {
    package static let sectorBytes = 512

    /// Bytes that are not the right ones, but were or are near them.
    package enum Other: Equatable, Sendable {
        /// What was there before the last write.
        case earlier
        /// What lies so many bytes further on.
        case further(byteCount: Int)
    }

    /// - Parameter replace: Overwrites the data with other bytes of the same file.
    package static func apply(
        _ corruption: FaultAction.Corruption, to data: UnsafeMutableRawBufferPointer,
        replace: (UnsafeMutableRawBufferPointer, Other) -> Void
    ) {
        guard !data.isEmpty else { return }
        switch corruption {
        case .bitFlip(let bit):
            let place = remainder(bit, data.count * 8)
            data[place / 8] ^= 1 << UInt8(place % 8)
        case .zero(let start):
            let first = remainder(start, data.count)
            for index in first..<min(first + sectorBytes, data.count) { data[index] = 0 }
        case .stale: replace(data, .earlier)
        case .swap(let first, let second): swap(first, second, in: data)
        case .shift(let byteCount): replace(data, .further(byteCount: byteCount))
        }
    }

    /// Keeps the sectors whose bit is set, and gives the others what `others` says.
    package static func tear(
        _ data: UnsafeMutableRawBufferPointer, sectors: UInt64,
        others: (UnsafeMutableRawBufferPointer, Int) -> Void
    ) {
        for range in missingSectors(of: data.count, sectors: sectors) {
            others(UnsafeMutableRawBufferPointer(rebasing: data[range]), range.lowerBound)
        }
    }

    /// The bytes of the sectors whose bit is not set; the pattern repeats after 64 sectors.
    package static func missingSectors(of byteCount: Int, sectors: UInt64) -> [Range<Int>] {
        stride(from: 0, to: byteCount, by: sectorBytes).compactMap { start in
            let bit = UInt64(start / sectorBytes % 64)
            guard sectors >> bit & 1 == 0 else { return nil }
            return start..<min(start + sectorBytes, byteCount)
        }
    }

    /// Turns the bytes into those of another image of the same size, and back.
    ///
    /// - Parameter offset: Of `data` in the image.
    package static func replace(
        _ data: UnsafeMutableRawBufferPointer, at offset: UInt64, generation: Int64
    ) {
        var word: UInt64 = 0
        for index in 0..<data.count {
            let position = offset &+ UInt64(index)
            if index == 0 || position % 8 == 0 { word = mixed(position / 8, UInt64(bitPattern: generation)) }
            data[index] ^= UInt8(truncatingIfNeeded: word >> (position % 8 * 8))
        }
    }

    /// SplitMix64 of place and number.
    private static func mixed(_ place: UInt64, _ number: UInt64) -> UInt64 {
        var z = place &* 0x9E37_79B9_7F4A_7C15 ^ number &* 0xD1B5_4A32_D192_ED03
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Whole sectors only; a swap with itself or past the end counts round, so that it always has an effect
    /// where there are two sectors.
    private static func swap(_ first: Int, _ second: Int, in data: UnsafeMutableRawBufferPointer) {
        let sectorCount = data.count / sectorBytes
        guard sectorCount >= 2 else { return }
        let one = remainder(first, sectorCount)
        var other = remainder(second, sectorCount)
        if one == other { other = (one + 1) % sectorCount }
        for index in 0..<sectorBytes {
            data.swapAt(one * sectorBytes + index, other * sectorBytes + index)
        }
    }

    /// Moves the data towards its start, and what falls off there to its end: what a write without a file to
    /// look further into can do.
    package static func rotate(_ data: UnsafeMutableRawBufferPointer, by byteCount: Int) {
        guard !data.isEmpty else { return }
        let distance = remainder(byteCount, data.count)
        let head = Array(data[..<distance])
        for index in distance..<data.count { data[index - distance] = data[index] }
        for (index, byte) in head.enumerated() { data[data.count - distance + index] = byte }
    }

    private static func remainder(_ number: Int, _ modulus: Int) -> Int {
        let rest = number % modulus
        return rest < 0 ? rest + modulus : rest
    }
}
