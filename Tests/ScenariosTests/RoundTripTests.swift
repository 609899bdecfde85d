import FaultPlan
import Foundation
import Testing
import VirtualMedia

@testable import Scenarios

struct RoundTripTests {
    static let files = Fixture.library.files

    @Test func `scenarios are shipped`() { #expect(Self.files.contains("smoke.yaml")) }

    @Test(arguments: files)
    func `what is shipped is good, and reads back equal from YAML and JSON`(file: String) throws {
        let scenario = try Fixture.library.scenario(file)
        let yaml = ScenarioDocument.yaml(of: scenario)
        #expect(try ScenarioDocument.read(yaml, file: "yaml") == scenario, "\(yaml)")
        let json = ScenarioDocument.json(of: scenario)
        #expect(try ScenarioDocument.read(json, file: "json") == scenario, "\(json)")
        let coded = try JSONEncoder().encode(scenario)
        #expect(try JSONDecoder().decode(Scenario.self, from: coded) == scenario)
    }

    @Test(arguments: files)
    func `what is shipped resolves for every seed, and so does what it resolved to`(file: String) throws {
        let scenario = try Fixture.library.scenario(file)
        for seed: UInt64 in 0..<6 {
            let resolved = try scenario.resolve(seed: seed)
            #expect(resolved.scenario.isResolved, "seed \(seed)")
            #expect(try scenario.resolve(seed: seed) == resolved, "seed \(seed)")
            #expect(
                try resolved.scenario.resolve(seed: seed &+ 1).scenario == resolved.scenario, "seed \(seed)")
            let yaml = ScenarioDocument.yaml(of: resolved.scenario)
            #expect(try ScenarioDocument.read(yaml, file: "yaml") == resolved.scenario, "seed \(seed)")
            let coded = try JSONEncoder().encode(resolved)
            #expect(try JSONDecoder().decode(Scenario.Resolved.self, from: coded) == resolved)
        }
    }

    @Test(arguments: files)
    func `what is shipped has the name of its file, a description and the editor's line`(file: String) throws
    {
        let scenario = try Fixture.library.scenario(file)
        #expect(file == "\(scenario.name).yaml" || file.hasSuffix("/\(scenario.name).yaml"))
        #expect(!scenario.description.isEmpty)
        let schema = String(repeating: "../", count: file.split(separator: "/").count - 1) + "schema.json"
        let first = try Fixture.text("scenarios/\(file)").split(separator: "\n").first
        #expect(first == "# yaml-language-server: $schema=\(schema)")
    }

    @Test func `a scenario in Swift and the same in YAML are equal`() throws {
        var slot = Scenario.Slot("Slot_0", mode: .proxy, image: "small")
        slot.isReadWrite = true
        slot.inactivity = .seconds(1800)
        var built = Scenario(
            "both-ways", description: "One lost connection.",
            topology: Scenario.Topology(
                slots: [slot, Scenario.Slot("Slot_2")], images: [Scenario.Image("small", 4 << 20, seed: 7)],
                host: Scenario.Host(.uefi)),
            workload: [Scenario.Workload(.write, 1 << 20, slot: "Slot_0", think: .milliseconds(5))],
            steps: [
                .insert("Slot_0"), .insert("Slot_2", .completed(.timedOut), .refused(.busy)),
                .wait(.seconds(90)), .wait("Slot_0", .active), .read("Slot_0", 0..<65_536),
                .write("Slot_0", 0..<512, outcome: .any), .host(.powerCycle), .process(.kill, .service),
                .parallel([.eject("Slot_0")], [.eject("Slot_2", .any)]), .repeat(3, .insert(), .eject()),
                .heal("slow"), .mark("end"),
            ],
            faults: [
                Fault(
                    "store.latency", ["latency": "250ms"], identifier: "slow",
                    select: Selector(operations: ["read"]), trigger: .nth(3), budget: .init(times: 2))
            ])
        built.schedule = .pct(3)
        built.invariantsOff = [.durability: "shown elsewhere"]
        built.expect.limits.failedReads = 0
        let read = try ScenarioDocument.read(
            """
            name: both-ways
            description: One lost connection.
            topology:
              slots:
                - {name: Slot_0, mode: proxy, image: small, read-write: true, inactivity: 30min}
                - {name: Slot_2}
              images: [{name: small, size: 4 MiB, seed: 7}]
              host: {profile: uefi}
            workload: [{kind: write, amount: 1 MiB, slot: Slot_0, think: 5ms}]
            steps:
              - insert: Slot_0
              - insert: {slot: Slot_2, expect: [timedOut, refused-busy]}
              - wait: 1min 30s
              - wait: {slot: Slot_0, state: Active}
              - read: {slot: Slot_0, range: 0..64 KiB}
              - write: {slot: Slot_0, range: 0..512, expect: any}
              - host: power-cycle
              - process: {do: kill, of: service}
              - parallel: {branches: [[eject: Slot_0], [eject: {slot: Slot_2, expect: any}]]}
              - repeat: {times: 3, steps: [insert: all, eject: all]}
              - heal: slow
              - mark: end
            faults:
              - {identifier: slow, kind: store.latency, parameters: {latency: 250ms}, select: {operations: read},
                 trigger: nth 3, budget: {times: 2}}
            schedule: pct:3
            without-invariants: {durability: shown elsewhere}
            expect: {limits: {failed-reads: 0}}
            """, file: "both-ways.yaml")
        #expect(read == built)
    }

    @Test(
        arguments: [
            "", " ", "a: b", "a #b", "- x", "true", "12", "1.5", "~", "null", "it's", "\"q\"", "{x}", "a\nb",
            "é",
            "x:", "yes", "0x10", "\u{85}", "\u{1}", "@x", "%x", "? x", "end..end", "-", "a, b", "=",
            "back\\slash", "tab\there",
        ])
    func `any text survives being written`(text: String) throws {
        let node = DocumentNode.map([
            .init("key", .text(text)), .init(text, .list([.text(text), .map([.init("in", .text(text))])])),
        ])
        guard text != "key" else { return }
        #expect(try YAMLReader.read(YAMLWriter.text(of: node)) == node, "\(YAMLWriter.text(of: node))")
        #expect(try YAMLReader.read(JSONWriter.text(of: node)) == node)
        #expect(
            try JSONDecoder().decode(
                DocumentNode.self, from: Data(JSONWriter.text(of: .list([.text(text)])).utf8))
                == .list([.text(text)]))
    }
}
