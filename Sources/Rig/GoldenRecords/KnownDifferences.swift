/// Where the simulation answers otherwise than the recorded kernel, on purpose. A test fails on any other
/// difference, and on an entry here that no longer is one.
package enum KnownDifferences {
    package struct Entry: Sendable {
        /// Records that it is in.
        package var records: [String]
        package var question: String
        package var simulated: String
        package var reason: String
    }

    package static let all: [Entry] = []

    package static func entry(for difference: Difference) -> Entry? {
        all.first {
            $0.records.contains(difference.record) && $0.question == difference.question.description
                && $0.simulated == difference.answered
        }
    }

    package static func unlisted(_ differences: [Difference]) -> [Difference] {
        differences.filter { entry(for: $0) == nil }
    }
}
