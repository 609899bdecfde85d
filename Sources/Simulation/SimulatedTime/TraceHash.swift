/// A hash over the events of a run, one multiplication per word: the same events in the same order give
/// the same hash, in any process.
package struct TraceHash: Equatable, Sendable {
    package private(set) var value: UInt64 = 0x243F_6A88_85A3_08D3

    package init() {}

    @inline(__always)
    package mutating func fold(_ word: UInt64) {
        value = (value ^ word) &* 0x9E37_79B9_7F4A_7C15
        value ^= value >> 32
    }

    package mutating func fold(_ time: Int128) {
        fold(UInt64(truncatingIfNeeded: time))
        fold(UInt64(truncatingIfNeeded: time >> 64))
    }

    /// Its length goes in first, so that "ab", "c" differs from "a", "bc".
    package mutating func fold(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            fold(UInt64(bytes.count))
            var index = 0
            while index + 8 <= bytes.count {
                let word = UnsafeRawPointer(bytes.baseAddress!).loadUnaligned(
                    fromByteOffset: index, as: UInt64.self)
                fold(word)
                index += 8
            }
            var rest: UInt64 = 0
            for byte in bytes[index...] { rest = rest << 8 | UInt64(byte) }
            if index < bytes.count { fold(rest) }
        }
    }
}
