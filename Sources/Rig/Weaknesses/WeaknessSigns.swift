extension Weakness {
    /// Parts of violations, as "name: detail", by which the weakness shows; another one is chance.
    package var signs: [String] {
        switch self {
        case .gadgetUnchecked: ["truth", "convergence", "step wait"]
        case .cleanupUnchecked: ["leftovers", "convergence", "step expect", "step insert", "step wait"]
        case .gadgetLeft, .deviceLeft, .secretLeft: ["leftovers", "step expect", "step insert"]
        case .hostEjectUnnoticed: ["convergence", "step wait"]
        case .noForcedEject: ["leftovers", "bounded", "step eject", "step expect"]
        case .protectedWritable: ["read-only", "convergence", "step wait"]
        case .readWriteIgnored: ["convergence", "step write", "step wait"]
        case .cdromIgnored, .noSerialNumber, .blockSizeIgnored, .wrongStatistics, .changesUntold:
            ["convergence", "step read", "step wait"]
        case .ueventAtRemoval: ["bounded", "deadlock", "out of time", "step eject", "step wait"]
        case .noActivationDeadline: ["bounded", "deadlock", "out of time", "step insert: no Completion"]
        case .staleCache: ["other bytes instead of the image"]
        case .noFlushAtEject, .flushNotOffered, .notRevalidated: ["data: sector"]
        case .noReconnect, .inactivityByUptime, .inactivityOfNothing:
            ["convergence", "step read", "step write", "step wait"]
        case .openBlocksAll: ["isolation"]
        case .lateEvent: ["truth", "leftovers", "bounded", "transitions", "convergence", "step"]
        case .noSweep: ["data", "leftovers", "step insert", "convergence"]
        case .mountNotCancelled: ["transitions"]
        case .endedTooEarly: ["truth"]
        case .completionLost: ["bounded", "step insert"]
        case .completionTwice: ["bounded"]
        case .wrongSlotUnmounted: ["bounded", "transitions", "step eject"]
        case .secretInProperty, .secretInError: ["secrets"]
        }
    }
}
