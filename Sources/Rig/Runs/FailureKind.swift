package import RunLog

/// How a run failed, without the figures that differ from run to run: two runs with the same kind failed
/// in the same way.
package struct FailureKind: Hashable, Sendable, CustomStringConvertible {
    package let verdict: RunVerdict
    /// Of the first violation; "" without one.
    package let violation: String

    package init(_ record: RunRecord) {
        verdict = record.verdict
        violation = record.violations.first?.name ?? ""
    }

    package var description: String {
        violation.isEmpty ? verdict.rawValue : "\(verdict.rawValue), \(violation)"
    }
}
