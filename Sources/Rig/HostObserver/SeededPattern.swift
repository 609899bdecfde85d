/// Bytes that tell where they belong: each aligned 8-byte word is a function of the seed and of its
/// own offset, so no two blocks are alike and a misplaced one shows.
package final class SeededPattern: ExpectedImage, Sendable {
    package let seed: UInt64
    package let byteCount: UInt64

    package init(seed: UInt64, byteCount: UInt64) {
        self.seed = seed
        self.byteCount = byteCount
    }

    package static func bytes(seed: UInt64, at offset: UInt64, byteCount: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            fill(UnsafeMutableRawBufferPointer(buffer), seed: seed, at: offset)
            count = byteCount
        }
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ObserverError)
        -> Int
    {
        guard offset < byteCount else { return 0 }
        let count = Int(min(UInt64(buffer.count), byteCount - offset))
        Self.fill(UnsafeMutableRawBufferPointer(rebasing: buffer[0..<count]), seed: seed, at: offset)
        return count
    }

    private static func fill(_ buffer: UnsafeMutableRawBufferPointer, seed: UInt64, at offset: UInt64) {
        var index = 0
        while index < buffer.count {
            let position = offset + UInt64(index)
            let word = word(seed: seed, at: position & ~7).bigEndian
            let skipped = Int(position & 7)
            if skipped == 0, buffer.count - index >= 8 {
                buffer.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
                index += 8
            } else {
                withUnsafeBytes(of: word) { buffer[index] = $0[skipped] }
                index += 1
            }
        }
    }

    /// SplitMix64 of the offset.
    private static func word(seed: UInt64, at offset: UInt64) -> UInt64 {
        var z = seed &+ (offset >> 3 &+ 1) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
