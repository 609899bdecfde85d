import FaultPlan
import Foundation
import Testing

@testable import Scenarios

struct ShippedScenarioTests {
    @Test func `every fault of the catalogue happens in a scenario`() throws {
        var kinds: Set<String> = []
        for file in Fixture.library.files {
            let scenario = try Fixture.library.scenario(file)
            kinds.formUnion(scenario.faults.map(\.kind))
        }
        let missing = FaultCatalogue.standard.kinds.map(\.name).filter { !kinds.contains($0) }
        #expect(missing.isEmpty, "in no scenario: \(missing.joined(separator: ", "))")
    }

    @Test func `the standard mix has every fault of the simulation that must not corrupt data unseen`() throws
    {
        let mix = try Fixture.library.scenario("standard-mix.yaml")
        let kinds = Set(mix.faults.map(\.kind))
        let wanted = FaultCatalogue.standard.kinds.filter { kind in
            kind.worlds.contains(.sim) && kind.expectation != .none && !kind.name.hasPrefix("ladder.")
        }
        // A size that is a lie from the start, or half a write, cannot be seen as wrong on the way; a file cut or
        // grown stays so after the heal. What a disk does to writes is in faults/writing.yaml, with the steps that
        // show what is left of them.
        let missing = wanted.map(\.name).filter { !kinds.contains($0) && !$0.hasSuffix(".torn-write") }
        #expect(
            missing == [
                "store.fail-afterwards", "store.uninterruptible", "store.crash", "store.truncate",
                "store.grow", "http.size",
                "http.wrong-length", "nbd.export-size",
                "device.size", "resource.no-space",
            ])
    }

    @Test func `seeds of the standard mix differ in slots, faults, hosts and steps`() throws {
        let mix = try Fixture.library.scenario("standard-mix.yaml")
        let runs = try (0..<60).map { try mix.resolve(seed: $0).scenario }
        #expect(Set(runs.map(\.topology.slots.count)) == [1, 2, 3, 4])
        #expect(Set(runs.map(\.topology.host.profile)).count == 3)
        #expect(runs.allSatisfy { $0.faults.count <= 8 })
        #expect(Set(runs.flatMap { $0.faults.map(\.kind) }).count > 60)
        #expect(Set(runs.map { "\($0.steps)" }).count > 40)
    }

    @Test func `every scenario is on the list`() throws {
        let page = try Fixture.text("scenarios/README.md")
        for file in Fixture.library.files { #expect(page.contains("](\(file))"), "\(file)") }
    }

    @Test(arguments: Fixture.library.files)
    func `a scenario that expects a failure says which`(file: String) throws {
        let scenario = try Fixture.library.scenario(file)
        let isProof = scenario.tags.contains("self-proof")
        #expect((scenario.expect.verdict != .passed) == isProof)
        #expect(scenario.expect.violations.isEmpty != isProof)
    }
}
