extension SlotMachine {
    /// How long everything may take. The first five come from the configuration.
    package struct Limits: Equatable, Sendable {
        /// From an accepted mount to Active.
        package var activation: Duration
        /// Without traffic of the host until the medium is removed; `nil` never.
        package var inactivity: Duration?
        /// Requests wait this long for a lost source.
        package var stall: Duration
        /// Then they fail this long before the medium goes.
        package var error: Duration

        /// Between looks at the truth, when no hint comes.
        package var poll = Duration.seconds(1)
        /// One look, or one drop of the cache.
        package var observe = Duration.seconds(5)
        /// Looks that may fail in a row before the medium counts as lost.
        package var failedObservations = 5
        /// One attempt to reach the lost source.
        package var reconnect = Duration.seconds(10)
        /// Before the second attempt; doubles each time.
        package var firstRetry = Duration.milliseconds(250)
        package var longestRetry = Duration.seconds(4)
        /// Turns at removing what an earlier process or step left, until the next mount: five minutes of them.
        package var sweeps = 80
        /// For a step that was asked to end early.
        package var cancelGrace = Duration.seconds(2)
        /// For the source to store what the host wrote, before anything is taken down.
        package var flush = Duration.seconds(15)
        /// One step of taking down.
        package var teardownStep = Duration.seconds(3)
        /// All of taking down. The steps, each given up in turn, need less.
        package var teardown = Duration.seconds(45)
        /// Times that the cache is dropped in one inactivity timeout. A host that reads only what is
        /// cached is seen after the next drop, so it loses at most this part of its time.
        package var cacheDrops = 4

        package init(
            activation: Duration, inactivity: Duration? = nil, stall: Duration = .seconds(20),
            error: Duration = .seconds(60)
        ) {
            self.activation = activation
            self.inactivity = inactivity
            self.stall = stall
            self.error = error
        }

        package init(_ slot: SlotConfiguration) {
            self.init(
                activation: .seconds(slot.timeoutSeconds),
                inactivity: slot.inactivitySeconds.map { .seconds($0) },
                stall: .seconds(slot.failurePolicy.stallSeconds),
                error: .seconds(slot.failurePolicy.errorSeconds))
        }

        /// Before the next turn after `count` that failed.
        func pause(after count: Int) -> Duration { min(firstRetry * (1 << min(count - 1, 10)), longestRetry) }

        func time(for step: SlotStep, in state: State) -> Duration? {
            switch state {
            case .activating: nil
            case .ready, .deactivating: step == .flush ? flush : teardownStep
            case .active, .recovering: step == .reconnect ? reconnect : observe
            }
        }
    }
}
