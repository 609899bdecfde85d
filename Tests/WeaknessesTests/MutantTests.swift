import Foundation
import RunLog
import Scenarios
import Synchronization
import Testing
import Weaknesses

@testable import Runs

/// The rig finds what it is there to find: with each known mistake put back into the service, a run of the
/// standard mix fails that passes without it.
///
/// The seeds were found by `mediarig weaknesses`, which hunts all of them; docs/weaknesses.md is its list.
struct MutantTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let mix: Scenario = {
        let library = ScenarioLibrary(folder: root.appendingPathComponent("scenarios"))
        do { return try library.scenario("standard-mix.yaml") } catch {
            preconditionFailure("standard-mix.yaml: \(error)")
        }
    }()

    /// Seeds after the known one that are tried when a change elsewhere made it another run.
    static let spareSeeds: UInt64 = 5

    @Test(arguments: Weakness.allCases.filter { KnownFinds.seeds[$0] != nil })
    func `a run of the standard mix fails with the weakness and passes without`(weakness: Weakness) throws {
        let known = try #require(KnownFinds.seeds[weakness], "no seed is known for \(weakness.rawValue)")
        var hunt = WeaknessHunt(Self.mix, seeds: known...(known + Self.spareSeeds))
        hunt.minimises = false
        let outcome = hunt.hunt(weakness)
        _ = try #require(
            outcome.find,
            "\(weakness.rawValue): none of \(outcome.seedCount) seeds from \(known), \(outcome.unsoundCount) unsound"
        )
    }

    /// One is enough here: `mediarig weaknesses` makes all of them small.
    @Test(arguments: [Weakness.completionTwice])
    func `what finds a weakness is made small`(weakness: Weakness) throws {
        let known = try #require(KnownFinds.seeds[weakness])
        let hunt = WeaknessHunt(Self.mix, seeds: known...(known + Self.spareSeeds))
        let find = try #require(hunt.hunt(weakness).find)
        let minimised = try #require(find.minimised, "seed \(find.seed)")
        let scenario = minimised.scenario.scenario
        #expect(scenario.faults.count <= 3)
        #expect(scenario.steps.count <= 4, "\(scenario.steps)")
        #expect(FailureKind(WeaknessHunt.record(minimised.scenario, weakness)) == find.kind)
        #expect(WeaknessHunt.record(minimised.scenario, nil).violations.isEmpty)
    }

    @Test func `every weakness is on the page, with its seed`() throws {
        let page = try String(
            contentsOf: Self.root.appendingPathComponent("docs/weaknesses.md"), encoding: .utf8)
        for weakness in Weakness.allCases {
            #expect(page.contains("| `\(weakness.rawValue)` |"), "\(weakness.rawValue)")
        }
    }
}
