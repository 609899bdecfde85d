/// Everything that is known of one run, enough for every report and for running it again.
package struct RunRecord: Codable, Equatable, Sendable {
    package var identity: RunIdentity
    package var verdict: RunVerdict
    /// Empty when it passed.
    package var violations: [Violation]
    /// In the order of the plan.
    package var faults: [FaultTally]
    package var events: [RunEvent]
    /// How many events were left out of ``events`` for want of room.
    package var omittedEventCount: Int
    /// Over every event, timer and choice; the same in every process for the same seed.
    package var traceHash: UInt64
    /// Choices of the scheduler, for a replay without the seed's draws.
    package var choices: [UInt32]
    package var virtualNanoseconds: Int64
    /// Jobs run.
    package var stepCount: Int
    /// Of this machine's time; not part of the hash.
    package var wallNanoseconds: Int64
    /// Blocks that the host read and that were compared.
    package var provenByteCount: UInt64

    package init(_ identity: RunIdentity) {
        self.identity = identity
        verdict = .passed
        violations = []
        faults = []
        events = []
        omittedEventCount = 0
        traceHash = 0
        choices = []
        virtualNanoseconds = 0
        stepCount = 0
        wallNanoseconds = 0
        provenByteCount = 0
    }
}

/// What was run.
package struct RunIdentity: Codable, Equatable, Sendable {
    package var scenario: String
    package var seed: UInt64
    /// "sim", "emulated" or "kernel".
    package var world: String
    /// Of MediaRig; "unknown" outside a checkout, "+debug" behind that of a build that is not optimised.
    package var commit: String
    /// Kernel profile of the simulation, or the release of the real kernel.
    package var kernel: String
    /// By image name, 64 hexadecimal digits each.
    package var imageSHA256: [String: String]
    /// The resolved faults, one line each.
    package var plan: [String]
    /// "first-in-first-out", "random", "pct:3".
    package var schedule: String
    /// One command that runs it again.
    package var replayCommand: String

    package init(scenario: String, seed: UInt64, world: String) {
        self.scenario = scenario
        self.seed = seed
        self.world = world
        commit = "unknown"
        kernel = ""
        imageSHA256 = [:]
        plan = []
        schedule = "first-in-first-out"
        replayCommand = ""
    }
}

/// How a run ended; the exit codes of a whole process are the same numbers.
package enum RunVerdict: String, Codable, Sendable, CaseIterable {
    case passed
    /// Wrong data, or an invariant broken.
    case wrong
    /// Stuck, or past a deadline.
    case notLive = "not-live"
    /// The same seed gave another run.
    case notDeterministic = "not-deterministic"
    /// A fault that was planned never fired, or nothing was read.
    case vacuous
    /// The rig itself failed.
    case broken

    package var exitCode: Int32 {
        switch self {
        case .passed: 0
        case .wrong: 1
        case .notLive: 3
        case .notDeterministic: 4
        case .vacuous: 5
        case .broken: 6
        }
    }
}

/// A promise that was not kept.
package struct Violation: Codable, Equatable, Sendable {
    /// "I1 wrong data": the same for the same kind of failure, in every run.
    package var name: String
    package var slot: String?
    package var nanoseconds: Int64
    /// What was seen, and what should have been.
    package var detail: String

    package init(_ name: String, slot: String? = nil, at time: Duration, _ detail: String) {
        self.name = name
        self.slot = slot
        nanoseconds = time.wholeNanoseconds
        self.detail = detail
    }
}

/// What became of one fault of the plan.
package struct FaultTally: Codable, Equatable, Sendable {
    /// Its name in the plan: "f1".
    package var identifier: String
    /// Its name in the catalogue: "http.status".
    package var kind: String
    package var matched: Int
    package var fired: Int
    /// By state of the slot concerned when it fired ("-" without a slot), sorted by state.
    package var firedByState: [String: Int]
    package var firstFiredNanoseconds: Int64?
    /// All delays that it put on operations, together. Holds without an end are not in it.
    package var stallNanoseconds: Int64

    package init(identifier: String, kind: String) {
        self.identifier = identifier
        self.kind = kind
        matched = 0
        fired = 0
        firedByState = [:]
        stallNanoseconds = 0
    }
}
