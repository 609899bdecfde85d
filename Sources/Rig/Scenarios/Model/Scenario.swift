package import FaultPlan

/// A run written down: what stands where, what happens, what goes wrong, and what must hold.
///
/// Written as YAML or JSON for people (``ScenarioDocument``) or in Swift for tests:
///
///     Scenario(
///         "one-lost-read", topology: .init(slots: [.init("Slot_0")], images: [.init("small", 4 << 20)]),
///         steps: [.insert("Slot_0"), .read("Slot_0"), .eject("Slot_0")])
package struct Scenario: Equatable, Sendable {
    /// Lower-case letters, digits and hyphens: "insert-not-written".
    package var name: String
    /// What it shows, in a sentence or two.
    package var description = ""
    /// Bugs it was learnt from: "openbmc/openbmc#3814".
    package var origin: [String] = []
    package var tags: [String] = []
    /// Where it makes sense to run it.
    package var worlds: [World] = World.allCases
    package var topology: Topology
    /// Background traffic of the host.
    package var workload: [Workload] = []
    /// In order. None means the whole life of every slot: see ``Step/wholeLife``.
    package var steps: [Step] = []
    /// Each with a name of its own.
    package var faults: [Fault] = []
    /// What differs from seed to seed; `nil` once it is resolved.
    package var swarm: Swarm?
    package var phases = Phases()
    /// Invariants that do not hold here, each with the reason.
    package var invariantsOff: [Invariant: String] = [:]
    package var expect = Expectation()
    package var budgets = Budgets()
    package var schedule = Schedule.fifo

    package init(
        _ name: String, description: String = "", topology: Topology = Topology(),
        workload: [Workload] = [], steps: [Step] = [], faults: [Fault] = []
    ) {
        self.name = name
        self.description = description
        self.topology = topology
        self.workload = workload
        self.steps = steps
        self.faults = Self.named(faults)
    }

    /// Nothing in it is left to be drawn.
    package var isResolved: Bool { swarm == nil && !steps.contains(where: \.isDrawn) }
}

extension Scenario {
    /// What a run is made of: the whole service in virtual time, on real sockets, or on a real kernel.
    package enum World: String, Sendable, CaseIterable {
        case sim, emulated, kernel
    }

    /// How the simulation picks the next of several ready jobs.
    package enum Schedule: Equatable, Sendable {
        /// The one that became ready first.
        case fifo
        /// Any, by the seed.
        case random
        /// Probabilistic concurrency testing of this depth: random priorities, lowered at `depth - 1`
        /// random steps.
        case pct(Int)

        package static let pctDepths = 1...8
    }

    /// What a run may use before it counts as stuck.
    package struct Budgets: Equatable, Sendable {
        package var virtualTime = Duration.seconds(3600)
        /// Jobs of the simulation.
        package var steps = 5_000_000
        package init() {}
        package init(virtualTime: Duration, steps: Int = 5_000_000) {
            self.virtualTime = virtualTime
            self.steps = steps
        }
    }

    /// First safety while things go wrong, then recovery.
    package struct Phases: Equatable, Sendable {
        /// No fault fires from here on; `nil` until the heal.
        package var faultsUntil: Duration?
        /// Every fault in force ends here; `nil` after the last step.
        package var healAt: Duration?
        /// After the heal and the last step: each slot is Ready or Active, its background work is done,
        /// and all views of it agree.
        package var convergeWithin = Duration.seconds(120)
        package init() {}
    }

    /// A run for one seed, with every choice made.
    package struct Resolved: Equatable, Sendable, Codable {
        /// Without swarm and without ``Step/choose(_:)``.
        package var scenario: Scenario
        package var seed: UInt64
        /// What was drawn, one line each, in the order of drawing: "host.profile = uefi".
        package var draws: [String]

        package init(scenario: Scenario, seed: UInt64, draws: [String] = []) {
            self.scenario = scenario
            self.seed = seed
            self.draws = draws
        }
    }
}
