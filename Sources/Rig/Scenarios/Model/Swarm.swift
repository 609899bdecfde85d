extension Scenario {
    /// What is drawn anew for every seed, so that one scenario stands for many.
    package struct Swarm: Equatable, Sendable {
        /// How many of the topology's slots there are; the others, and all that concerns them, are left
        /// out. `nil` keeps all.
        package var slots: ClosedRange<Int>?
        /// The chance of each fault to be part of the run, where ``chances`` says nothing of it.
        package var faultChance = 1.0
        /// By identifier of the fault, from 0 to 1.
        package var chances: [String: Double] = [:]
        /// At most so many faults are kept; which ones is drawn.
        package var maximumFaults: Int?
        /// One fault in each run, in the order of the list: seed 1 has the first, and after the last comes the
        /// first again. As many seeds as there are faults are then enough to see every one.
        package var isOneByOne = false
        /// Places of the scenario and what they may be. A place is a path as in the document:
        /// "topology.host.profile", "topology.slots.Slot_0.mode", "faults.f1.parameters.delay",
        /// "workload.0.kind".
        package var variations: [String: Variation] = [:]
        package init() {}
    }

    /// What stands at a place, another for each seed.
    package enum Variation: Equatable, Sendable {
        /// One of these, each as likely.
        case oneOf([DocumentNode])
        /// From one number, duration or size to another, in the spelling of documents: "1ms", "4 KiB".
        case between(String, String)
    }
}
