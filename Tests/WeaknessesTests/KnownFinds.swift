import Weaknesses

/// The first seed of the standard mix that finds each weakness, of two thousand.
enum KnownFinds {
    static let seeds: [Weakness: UInt64] = [
        .gadgetUnchecked: 63,
        .cleanupUnchecked: 244,
        .gadgetLeft: 1,
        .hostEjectUnnoticed: 1,
        .noForcedEject: 2,
        .openBlocksAll: 244,
        .mountNotCancelled: 11,
    ]
}
