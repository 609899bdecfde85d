package import FaultPoints
package import SimulatedTime
package import VirtualMedia

/// What connections in memory need of the run they are in.
package struct NetworkSurroundings: Sendable {
    package var clock: any MediaClock
    package var spawner: any Spawner
    /// Each connection draws from streams of its own.
    package var random: RandomStreams
    package var faults: any FaultInjector

    package init(
        clock: any MediaClock, spawner: any Spawner, random: RandomStreams,
        faults: any FaultInjector = NoFaults()
    ) {
        self.clock = clock
        self.spawner = spawner
        self.random = random
        self.faults = faults
    }

    package init(_ simulation: Simulation, faults: any FaultInjector = NoFaults()) {
        self.init(
            clock: simulation.clock, spawner: simulation.spawner, random: simulation.random, faults: faults)
    }
}
