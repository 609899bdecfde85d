import FaultPlan
import Foundation
import RunLog
import Scenarios
import TestSupport
import Testing

@testable import Runs

/// The catalogue in the simulation: every fault that it has fires in a shipped scenario, and what comes of it is
/// what the catalogue expects.
struct CatalogueRunTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Scenarios that take the faults of a list one by one, and those that have theirs in every run.
    static let files: [String] = {
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/scenarios/faults")) ?? []
        return names.filter { $0.hasSuffix(".yaml") }.sorted().map { "faults/\($0)" } + ["ladder.yaml"]
    }()

    static func scenario(_ file: String) throws -> Scenario {
        let path = folder.path + "/scenarios/" + file
        return try ScenarioDocument.read(try String(contentsOfFile: path, encoding: .utf8), file: file)
    }

    @Test(arguments: files)
    func `each fault of the file fires in its turn, and the run ends as expected`(file: String) throws {
        let scenario = try Self.scenario(file)
        guard scenario.worlds.contains(.sim) else { return }
        let turns = scenario.swarm?.isOneByOne == true ? scenario.faults.count : 1
        for seed in 1...UInt64(turns) {
            let record = try SimulatedRunTests.record(scenario, seed: seed)
            #expect(record.verdict == .passed, "seed \(seed) \(record.identity.plan): \(record.violations)")
            // A stall of the ladder may be longer than what comes before the next station.
            guard scenario.invariantsOff[.faultsFired] == nil else { continue }
            #expect(record.faults.allSatisfy { $0.fired > 0 }, "seed \(seed) \(record.identity.plan)")
        }
    }

    @Test func `every fault that the simulation has is in one of these files`() throws {
        var kinds: Set<String> = []
        for file in Self.files {
            let scenario = try Self.scenario(file)
            if scenario.worlds.contains(.sim) { kinds.formUnion(scenario.faults.map(\.kind)) }
        }
        let missing = FaultCatalogue.standard.kinds.filter { $0.worlds.contains(.sim) }.map(\.name)
            .filter { !kinds.contains($0) }
        #expect(missing.isEmpty, "\(missing)")
    }

    /// The first cell of each row, and how often the fault fired.
    static func table() throws -> [(name: String, fired: Int)] {
        let page = try String(contentsOfFile: folder.path + "/docs/coverage.md", encoding: .utf8)
        return page.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("| `") else { return nil }
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count > 2 else { return nil }
            return (cells[0].trimmingCharacters(in: CharacterSet(charactersIn: "`")), Int(cells[2]) ?? 0)
        }
    }

    @Test func `the page of what fires when has the faults of the catalogue, and all that can fire did`()
        throws
    {
        let table = try Self.table()
        #expect(table.map(\.name) == FaultCatalogue.standard.kinds.map(\.name).sorted())
        let idle = table.filter { $0.fired == 0 }.map(\.name)
        let absent = FaultCatalogue.standard.kinds.filter { $0.absence(in: .sim) != nil }.map(\.name).sorted()
        #expect(idle == absent, "make docs/coverage.md anew; the command is in it")
    }

    @Test func `a world without a fault says why`() {
        for kind in FaultCatalogue.standard.kinds {
            for world in FaultWorld.allCases {
                #expect(
                    (kind.absence(in: world) == nil) == kind.worlds.contains(world), "\(kind.name) \(world)")
            }
        }
    }
}
