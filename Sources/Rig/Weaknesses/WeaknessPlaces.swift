extension Weakness {
    /// What a service is given, and what of it is another with a weakness.
    struct Places: OptionSet {
        let rawValue: Int
        static let gadgets = Places(rawValue: 1 << 0)
        static let nbd = Places(rawValue: 1 << 1)
        static let images = Places(rawValue: 1 << 2)
        static let secrets = Places(rawValue: 1 << 3)
        static let decisions = Places(rawValue: 1 << 4)
        /// What comes over the bus.
        static let calls = Places(rawValue: 1 << 5)
        /// What goes over the bus.
        static let signals = Places(rawValue: 1 << 6)
    }

    var places: Places {
        switch self {
        case .gadgetUnchecked, .cleanupUnchecked, .gadgetLeft, .hostEjectUnnoticed, .noForcedEject,
            .readWriteIgnored, .cdromIgnored, .noSerialNumber:
            .gadgets
        case .protectedWritable: [.gadgets, .nbd]
        case .ueventAtRemoval, .noActivationDeadline: [.nbd, .decisions]
        case .staleCache, .noFlushAtEject, .flushNotOffered, .deviceLeft, .blockSizeIgnored,
            .wrongStatistics:
            .nbd
        case .noReconnect, .inactivityByUptime, .inactivityOfNothing, .lateEvent, .noSweep: .decisions
        case .notRevalidated: .images
        case .openBlocksAll: [.images, .calls]
        case .mountNotCancelled, .endedTooEarly, .wrongSlotUnmounted: [.calls, .signals]
        case .secretLeft: .calls
        case .completionLost, .completionTwice, .changesUntold: .signals
        case .secretInProperty, .secretInError: [.secrets, .signals]
        }
    }
}
