import CSwiftRuntime
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
        guard executor.isHere else {
            // On another thread, which fails the run anyway: without the care for cancellation.
            _ = await withUnsafeContinuation { executor.parkFromOutside($0, until: deadline) }
            return
        }
        // Neither of the two awaits in closures of its own, so a sleep changes executors no more often than
        // it must: one in an actor of the world passes through no process.
        let sleeper = executor.newSleeper()
        let watch = task_access_watch_cancellation(&sleeper.pointee.cancellation)
        let hasFired = await withUnsafeContinuation { executor.park($0, sleeper, until: deadline) }
        task_access_end_watch(watch)
        executor.retire(sleeper)
        if !hasFired { throw CancellationError() }
    }

    /// Sleeps for a span of virtual time.
    package func sleep(for span: Duration) async throws(CancellationError) {
        try await sleep(until: now + span)
    }
}
