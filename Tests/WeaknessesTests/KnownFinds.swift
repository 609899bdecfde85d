import Weaknesses

/// Seeds of the standard mix that find some of the weaknesses: one of each place where a mistake is put back.
/// All of them are hunted by `.ci/run`, which takes more than a test may.
enum KnownFinds {
    static let seeds: [Weakness: UInt64] = [
        .gadgetLeft: 1,
        .hostEjectUnnoticed: 1,
        .deviceLeft: 1,
        .inactivityOfNothing: 1,
        .lateEvent: 12,
        .completionLost: 1,
        .completionTwice: 1,
        .secretInProperty: 1,
    ]
}
