/// FNV-1a over whatever is folded in: the same events in the same order give the same hash, in any
/// process.
package struct Fingerprint: Equatable, Sendable {
    package private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func fold(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }

    package mutating func fold(_ number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { fold(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    package mutating func fold(_ duration: Duration) {
        fold(UInt64(bitPattern: duration.components.seconds))
        fold(UInt64(bitPattern: duration.components.attoseconds))
    }

    /// Ends with a byte that UTF-8 never holds, so that "ab", "c" differs from "a", "bc".
    package mutating func fold(_ text: String) {
        for byte in text.utf8 { fold(byte) }
        fold(0xFF as UInt8)
    }
}
