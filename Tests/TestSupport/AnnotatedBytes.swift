import WireFormat

/// Bytes from annotated hexadecimal text: one group of fields a line, spaces for reading, and after
/// `|` or `//` a remark that does not count.
///
///     bytes("""
///         25609513 | request magic
///         0000 0000 | flags, READ
///         """)
package func bytes(_ text: String) -> [UInt8] {
    var digits = ""
    for line in text.split(separator: "\n") {
        let data = line.prefix { $0 != "|" && $0 != "/" }
        digits += data.filter { !$0.isWhitespace }
    }
    guard let bytes = Hexadecimal.bytes(digits) else {
        preconditionFailure("not hexadecimal: \(digits)")
    }
    return bytes
}

/// The three ways any decoder must be fed: whole, byte by byte, and in random portions.
package func portions(of bytes: [UInt8], seed: UInt64 = 1) -> [[ArraySlice<UInt8>]] {
    var random = SeededGenerator(seed: seed)
    var uneven: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = Int.random(in: 1...Swift.min(17, rest.count), using: &random)
        uneven.append(rest.prefix(count))
        rest.removeFirst(count)
    }
    return [[bytes[...]], bytes.indices.map { bytes[$0...$0] }, uneven]
}

/// SplitMix64: the same numbers for the same seed, on every machine.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
