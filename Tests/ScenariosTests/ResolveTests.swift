import FaultPlan
import Testing

@testable import Scenarios

struct ResolveTests {
    static let swarm = """
        name: mix
        topology:
          slots: [{name: A}, {name: B, mode: proxy}, {name: C}]
          images: [{name: os.iso, size: 4 MiB}]
        workload: [{kind: random, amount: 1 MiB, slot: B}]
        steps:
          - insert: all
          - choose:
              times: 2..5
              from:
                - {weight: 3, steps: [read: all]}
                - {steps: [eject: C, insert: C]}
                - {steps: [heal: cold]}
          - repeat: {times: 2, steps: [choose: {times: 1, from: [{steps: [wait: 1s]}, {steps: [wait: 2s]}]}]}
          - eject: all
        faults:
          - {identifier: hot, kind: store.latency, parameters: {latency: 1ms}, select: {slot: B}}
          - {identifier: cold, kind: store.latency, parameters: {latency: 1ms}}
        swarm:
          slots: 1..3
          fault-chance: 0.5
          chances: {cold: 0.25}
          vary:
            topology.host.profile: [linux, windows, uefi]
            topology.images.os.iso.size: 1 MiB..3 GiB
            topology.slots.B.timeout: 5s..60s
            faults.hot.parameters.latency: [1ms, 2s]
            workload.0.think: 0ms..100ms
            schedule: [fifo, random, pct:3]
        """

    static func scenario() throws -> Scenario { try ScenarioDocument.read(swarm, file: "mix.yaml") }

    @Test func `seeds differ, and between them they draw all there is`() throws {
        let all = try (0..<150).map { try Self.scenario().resolve(seed: $0).scenario }
        #expect(Set(all.map(\.topology.host.profile)).count == 3)
        #expect(Set(all.map(\.topology.slots.count)) == [1, 2, 3])
        #expect(Set(all.map { "\($0.schedule)" }).count == 3)
        #expect(Set(all.map { $0.faults.map(\.identifier) }) == [[], ["hot"], ["cold"], ["hot", "cold"]])
        let sizes = all.map { $0.topology.images[0].byteCount }
        #expect(sizes.allSatisfy { (1 << 20...3 << 30).contains($0) && $0 % (1 << 20) == 0 })
        #expect(sizes.contains { $0 < 16 << 20 } && sizes.contains { $0 > 1 << 30 })
    }

    @Test func `one by one, as many seeds as there are faults have each of them once`() throws {
        var scenario = try Self.scenario()
        scenario.swarm?.isOneByOne = true
        let faults = try (1...4).map { try scenario.resolve(seed: $0) }
        #expect(
            faults.map { $0.scenario.faults.map(\.identifier) } == [["hot"], ["cold"], ["hot"], ["cold"]])
        #expect(faults[0].draws.contains("faults = hot"))
        #expect(try scenario.resolve(seed: 0).scenario.faults.count == 1)
        #expect(try scenario.resolve(seed: .max).scenario.faults.count == 1)
    }

    @Test func `what concerns a slot or a fault that is not there is not there either`() throws {
        for seed: UInt64 in 0..<80 {
            let resolved = try Self.scenario().resolve(seed: seed).scenario
            let slots = Set(resolved.topology.slots.map(\.name))
            let text = ScenarioDocument.yaml(of: resolved)
            if !slots.contains("C") { #expect(!text.contains("eject: C"), "seed \(seed)\n\(text)") }
            if !slots.contains("B") {
                #expect(resolved.workload.isEmpty && !resolved.faults.contains { $0.identifier == "hot" })
            }
            if !resolved.faults.contains(where: { $0.identifier == "cold" }) {
                #expect(!text.contains("heal: cold"), "seed \(seed)\n\(text)")
            }
        }
    }

    @Test func `one more thing to draw leaves the other draws as they were`() throws {
        let more = Self.swarm.replacing("    schedule: [", with: "    budgets.steps: 10..20\n    schedule: [")
        let (with, without) = (try ScenarioDocument.read(more, file: "more.yaml"), try Self.scenario())
        for seed: UInt64 in 0..<50 {
            var one = try with.resolve(seed: seed).scenario
            #expect((10...20).contains(one.budgets.steps))
            one.budgets = Scenario.Budgets()
            #expect(try one == without.resolve(seed: seed).scenario, "seed \(seed)")
        }
    }

    @Test func `draws are told in words`() throws {
        let draws = try Self.scenario().resolve(seed: 3).draws
        #expect(draws.contains { $0.hasPrefix("topology.host.profile = ") })
        #expect(draws.contains { $0.hasPrefix("slots = ") } && draws.contains { $0.hasPrefix("faults = ") })
    }

    @Test func `a scenario without steps lives a whole life`() throws {
        let text = "name: a\ntopology: {slots: [{name: S}], images: [{name: i, size: 1}]}"
        let resolved = try ScenarioDocument.read(text, file: "a").resolve(seed: 1)
        #expect(resolved.scenario.steps == Scenario.Step.wholeLife)
        #expect(resolved.draws.isEmpty)
    }

    @Test func `a walk that never ends is refused`() throws {
        let text = """
            name: a
            topology: {slots: [{name: S}], images: [{name: i, size: 1}]}
            steps: [{repeat: {times: 10000, steps: [choose: {times: 1000, from: [{steps: [eject: all]}]}]}}]
            """
        let scenario = try ScenarioDocument.read(text, file: "a")
        #expect(throws: ScenarioDocumentError.self) { try scenario.resolve(seed: 1) }
    }

    @Test(
        arguments: [
            ("all", 0, 1000), ("0..512", 0, 512), ("end-512..end", 488, 1000), ("end..end+512", 1000, 1512),
            ("end-4 KiB..end", 0, 1000), ("0..end-1", 0, 999), ("600..10", 600, 600),
            ("1.5 KiB..2 KiB", 1536, 2048),
        ] as [(String, UInt64, UInt64)])
    func `a span is counted from either end`(text: String, first: UInt64, last: UInt64) {
        var reader = DocumentReader()
        let span = Words.span.read(.text(text), &reader)
        #expect(span?.bytes(of: 1000) == first..<last)
    }
}
