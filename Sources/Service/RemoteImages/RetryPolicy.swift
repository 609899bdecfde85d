internal import VirtualMedia

/// Whether and when to ask again. Time and chance come in as arguments.
package struct RetryPolicy: Sendable {
    /// Requests in all, the first included.
    package static let maximumAttempts = 8
    /// Pause before the second try of a busy server; doubles from try to try.
    package static let firstPause = Duration.milliseconds(100)
    package static let maximumPause = Duration.seconds(5)

    package enum Phase: Sendable {
        /// Someone waits for the answer to "mount this": a wrong name or port shall show at once.
        case opening
        /// A host waits for a block: a server that restarts deserves patience.
        case reading
    }

    package enum Decision: Equatable, Sendable {
        case retry(after: Duration)
        case giveUp
    }

    package let phase: Phase

    package init(phase: Phase) { self.phase = phase }

    /// - Parameters:
    ///   - attempts: Requests made so far, at least 1.
    ///   - remaining: Time to the deadline; a pause that would outlast it is not begun.
    ///   - jitter: 0 (half the pause) to 1 (all of it), so that many slots do not ask in step.
    package func decide(
        _ kind: FetchFailure.Kind, attempts: Int, remaining: Duration, jitter: Double
    ) -> Decision {
        guard attempts < Self.maximumAttempts else { return .giveUp }
        let doublings = min(attempts - 1, 16)
        let pause = min(Self.firstPause * (1 << doublings), Self.maximumPause) * (0.5 + jitter / 2)
        let wait: Duration
        switch kind {
        case .permanent: return .giveUp
        case .unavailable where phase == .opening: return .giveUp
        case .unavailable: wait = pause
        case .busy(let retryAfter): wait = max(retryAfter ?? .zero, pause)
        case .connectionLost: wait = attempts == 1 ? .zero : pause
        }
        return wait < remaining ? .retry(after: wait) : .giveUp
    }
}

/// The tries of one request.
struct Attempts {
    private let policy: RetryPolicy
    private var count = 0
    private var telling: FetchFailure?

    init(phase: RetryPolicy.Phase) { policy = RetryPolicy(phase: phase) }

    /// - Returns: the pause before the next try; `nil` to give up with ``error``.
    mutating func failed(_ failure: FetchFailure, remaining: Duration, jitter: Double) -> Duration? {
        count += 1
        // The last try is often cut short by the deadline: what went wrong before says more.
        if telling == nil || failure.error.cause != .timedOut { telling = failure }
        guard
            case .retry(let pause) = policy.decide(
                failure.kind, attempts: count, remaining: remaining, jitter: jitter)
        else { return nil }
        return pause
    }

    /// What to report. Only after a failure.
    var error: ImageError {
        guard let telling else { preconditionFailure("no try has failed") }
        return telling.error
    }
}
