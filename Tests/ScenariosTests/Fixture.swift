import Foundation
import Testing

@testable import Scenarios

enum Fixture {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let library = ScenarioLibrary(folder: root.appendingPathComponent("scenarios"))

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// Six lines of a good scenario, for more to follow from line 7.
    static let start = """
        name: case
        topology:
          slots:
            - {name: Slot_0, mode: proxy}
          images:
            - {name: small, size: 4 MiB}

        """

    static func problems(_ text: String) -> [ScenarioProblem] {
        do {
            _ = try ScenarioDocument.read(text, file: "case.yaml")
            return []
        } catch { return error.problems }
    }
}
