import Testing

@testable import RemoteImages

struct RetryPolicyTests {
    struct Row: Sendable {
        let phase: RetryPolicy.Phase
        let kind: FetchFailure.Kind
        let attempts: Int
        let remaining: Duration
        let expected: RetryPolicy.Decision
    }

    static let rows: [Row] = [
        Row(phase: .reading, kind: .permanent, attempts: 1, remaining: .seconds(99), expected: .giveUp),
        Row(phase: .opening, kind: .unavailable, attempts: 1, remaining: .seconds(99), expected: .giveUp),
        Row(
            phase: .reading, kind: .unavailable, attempts: 1, remaining: .seconds(99),
            expected: .retry(after: .milliseconds(100))),
        Row(
            phase: .reading, kind: .unavailable, attempts: 3, remaining: .seconds(99),
            expected: .retry(after: .milliseconds(400))),
        Row(
            phase: .reading, kind: .unavailable, attempts: 3, remaining: .milliseconds(400), expected: .giveUp
        ),
        Row(
            phase: .reading, kind: .connectionLost, attempts: 1, remaining: .seconds(1),
            expected: .retry(after: .zero)),
        Row(phase: .reading, kind: .connectionLost, attempts: 1, remaining: .zero, expected: .giveUp),
        Row(
            phase: .opening, kind: .connectionLost, attempts: 2, remaining: .seconds(1),
            expected: .retry(after: .milliseconds(200))),
        Row(
            phase: .opening, kind: .busy(retryAfter: nil), attempts: 1, remaining: .seconds(1),
            expected: .retry(after: .milliseconds(100))),
        Row(
            phase: .reading, kind: .busy(retryAfter: .seconds(3)), attempts: 1, remaining: .seconds(4),
            expected: .retry(after: .seconds(3))),
        Row(
            phase: .reading, kind: .busy(retryAfter: .seconds(3)), attempts: 1, remaining: .seconds(3),
            expected: .giveUp),
        Row(
            phase: .reading, kind: .connectionLost, attempts: RetryPolicy.maximumAttempts - 1,
            remaining: .seconds(99),
            expected: .retry(after: .seconds(5))),
        Row(
            phase: .reading, kind: .connectionLost, attempts: RetryPolicy.maximumAttempts,
            remaining: .seconds(99),
            expected: .giveUp),
    ]

    @Test(arguments: rows.indices)
    func `tries again only where that can help in time`(row: Int) {
        let row = Self.rows[row]
        let decision = RetryPolicy(phase: row.phase)
            .decide(row.kind, attempts: row.attempts, remaining: row.remaining, jitter: 1)
        #expect(decision == row.expected)
    }

    @Test func `the deadline's own end does not hide what went wrong before it`() {
        var attempts = Attempts(phase: .reading)
        let busy = FetchFailure(.serverError, "503", .busy(retryAfter: nil))
        #expect(attempts.failed(busy, remaining: .seconds(1), jitter: 1) == .milliseconds(100))
        let late = FetchFailure(.timedOut, "no time", .unavailable)
        #expect(attempts.failed(late, remaining: .zero, jitter: 1) == nil)
        #expect(attempts.error == busy.error)
        var alone = Attempts(phase: .reading)
        _ = alone.failed(late, remaining: .zero, jitter: 1)
        #expect(alone.error == late.error)
    }

    @Test func `chance shortens a pause to half at most`() {
        let policy = RetryPolicy(phase: .reading)
        let decision = policy.decide(.unavailable, attempts: 1, remaining: .seconds(9), jitter: 0)
        #expect(decision == .retry(after: .milliseconds(50)))
    }
}
