internal import FaultPlan
internal import RunLog
internal import Scenarios
internal import SimulatedTime
internal import VirtualMedia
internal import Worlds

/// What everything in a run shares.
struct RunContext: Sendable {
    let scenario: Scenario
    let seed: UInt64
    let world: any World
    let recorder: RunRecorder
    let violations: Violations
    let bell: ChangeBell
    let random: RandomStreams
    let standstills = Standstills()
    /// What faults fired, and what was noticed of them.
    let effects: Effects

    var clock: any MediaClock { world.clock }
    var now: Duration { world.clock.now }

    /// Waits until a condition holds; it is asked again whenever something changed, and every so often.
    ///
    /// - Parameter poll: for conditions of which no change tells; `nil` never.
    /// - Returns: `nil` when it did not hold in time.
    func wait<Value: Sendable>(
        until deadline: Duration, poll: Duration? = nil, _ condition: @Sendable () async -> Value?
    ) async -> Value? {
        while true {
            let seen = bell.rings
            if let value = await condition() { return value }
            guard now < deadline, !Task.isCancelled else { return nil }
            let next = poll.map { min(deadline, now + $0) } ?? deadline
            await bell.wait(after: seen, until: next)
        }
    }
}

/// Ends a run: a step could not be carried out as it must.
struct StepFailure: Error {
    let step: String
    let slot: String?
    let detail: String
    /// It was a deadline that passed.
    var isLate = false
}
