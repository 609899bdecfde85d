/// A deterministic source of random numbers (SplitMix64).
package struct RandomStream: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Independent random streams under one seed, told apart by name.
///
/// Each part of a simulation draws from its own stream, so that one more draw in one part does not
/// shift the draws of all others.
package struct RandomStreams: Sendable {
    package let seed: UInt64

    package init(seed: UInt64) { self.seed = seed }

    /// The stream of that name, from its beginning.
    package func stream(_ name: String) -> RandomStream {
        var fingerprint = Fingerprint()
        fingerprint.fold(seed)
        fingerprint.fold(name)
        return RandomStream(seed: fingerprint.hash)
    }
}
