import VirtualMedia

/// The virtual clock of a simulation.
package struct SimulatedClock: MediaClock {
    private let executor: SimulatedExecutor

    package init(_ executor: SimulatedExecutor) { self.executor = executor }

    package var now: Duration { executor.now }

    package func sleep(until deadline: Duration) async throws(CancellationError) {
        guard !Task.isCancelled else { throw CancellationError() }
        guard deadline > executor.now else { return }
        let timer = executor.newTimer()
        let hasFired = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                executor.park(
                    continuation, timer: timer, until: deadline, isCancelled: Task.isCancelled)
            }
        } onCancel: {
            executor.cancel(timer: timer)
        }
        if !hasFired { throw CancellationError() }
    }

    /// Sleeps for a span of virtual time.
    package func sleep(for span: Duration) async throws(CancellationError) {
        try await sleep(until: now + span)
    }
}
