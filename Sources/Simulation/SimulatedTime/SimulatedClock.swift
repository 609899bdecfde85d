import VirtualMedia

/// The virtual clock of a simulation.
package struct SimulatedClock: MediaClock {
    private let executor: SimulatedExecutor

    package init(_ executor: SimulatedExecutor) { self.executor = executor }

    package var now: Duration { executor.now }

    package func sleep(until deadline: Duration) async throws(CancellationError) {
        guard deadline > executor.now else {
            if Task.isCancelled { throw CancellationError() }
            return
        }
        guard let timer = executor.newTimer() else {
            // On another thread, which fails the run anyway: without the care for cancellation.
            _ = await withUnsafeContinuation { executor.parkFromOutside($0, until: deadline) }
            return
        }
        let hasFired = await executor.sleep(timer, until: deadline)
        if !hasFired { throw CancellationError() }
    }

    /// Sleeps for a span of virtual time.
    package func sleep(for span: Duration) async throws(CancellationError) {
        try await sleep(until: now + span)
    }
}
