package import HostObserver

/// What one verification found.
package struct VerificationReport: Codable, Sendable {
    package enum Outcome: String, Codable, Sendable {
        /// The host saw exactly the image.
        case proven
        /// The host saw something else, or the views of the path contradict each other.
        case wrong
        /// Something did not end within its deadline.
        case notLive
        /// Nothing wrong was seen, but not everything was seen.
        case unproven
    }

    package var image: String
    package var imageBytes: UInt64?
    package var mode: VerificationPlan.Mode
    package var medium: VerificationPlan.MediumKind
    package var isReadWrite: Bool
    package var seed: UInt64
    package var slot = ""
    package var stations: [Station] = []
    package var device: DeviceReport?
    package var unit: UnitReport?
    package var reading: ReadReport?
    package var randomReading: ReadReport?
    package var writing: WriteReport?
    package var millisecondsToInsert: Double?
    /// From the start of the program's work to a host that knows the capacity.
    package var millisecondsToEnumerated: Double?
    package var leftBehind: [String] = []
    package var outcome = Outcome.unproven
    /// One sentence: why.
    package var explanation = ""

    package init(_ plan: VerificationPlan) {
        image = plan.image
        mode = plan.mode
        medium = plan.medium
        isReadWrite = plan.isReadWrite
        seed = plan.seed
    }

    /// The exit status of a command that verified this (docs/commands.md).
    package var exitStatus: Int32 {
        switch outcome {
        case .proven: 0
        case .wrong: 1
        case .notLive: 3
        case .unproven: 5
        }
    }

    /// The worst of several: the exit status of them together.
    package static func exitStatus(of reports: [VerificationReport]) -> Int32 {
        let bySeverity: [Outcome] = [.wrong, .notLive, .unproven]
        for outcome in bySeverity {
            if let report = reports.first(where: { $0.outcome == outcome }) { return report.exitStatus }
        }
        return reports.isEmpty ? 5 : 0
    }
}
