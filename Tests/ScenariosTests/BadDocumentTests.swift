import Testing

@testable import Scenarios

/// Each mistake is told with its line and column, with what was found and what would be right.
struct BadDocumentTests {
    struct Case: CustomTestStringConvertible, Sendable {
        /// What follows the six good lines, or a whole document.
        let text: String
        let line: Int
        let column: Int
        let says: [String]
        var testDescription: String { "\(line):\(column) \(says[0])" }

        init(_ text: String, _ line: Int, _ column: Int, _ says: String...) {
            (self.text, self.line, self.column, self.says) = (text, line, column, says)
        }
    }

    static let afterGoodStart: [Case] = [
        Case("stpes: []", 7, 1, "unknown key \"stpes\"", "did you mean \"steps\"?"),
        Case("zebra: 1", 7, 1, "unknown key \"zebra\"", "there are name, description"),
        Case("name: again", 1, 1, "name is given more than once"),
        Case("description: [a]", 7, 14, "expected text, found a list of 1"),
        Case("description: 12", 7, 14, "found the number 12: put it in quotes"),
        Case("description: true", 7, 14, "put it in quotes"),
        Case("tags: [Good]", 7, 8, "a name of lower-case letters"),
        Case("worlds: mars", 7, 9, "expected one of sim, emulated, kernel, found \"mars\""),
        Case("worlds: []", 7, 9, "at least 1"),
        Case("schedule: pct:9", 7, 11, "fifo, random, or pct:1 to pct:8"),
        Case("budgets: {steps: 0}", 7, 18, "a whole number from 1 to 1000000000", "found the number 0"),
        Case("budgets: {steps: 1.5}", 7, 18, "found the number 1.5"),
        Case("budgets: {virtual-time: 5}", 7, 25, "a duration such as 1.5s", "found the number 5"),
        Case("budgets: {virtual-time: 5 parsecs}", 7, 25, "found \"5 parsecs\""),
        Case("budgets: {virtual-time: 0s}", 7, 25, "a duration from 1ms"),
        Case("budgets: 5", 7, 10, "expected a map with virtual-time, steps"),
        Case("phases: {faults-until: 9s, heal-at: 3s}", 7, 37, "before faults-until"),
        Case("expect: {verdict: failed}", 7, 19, "passed, wrong, not-live"),
        Case("expect: {violations: [x]}", 7, 22, "a run that passes has no violations"),
        Case("expect: {completions: [dnoe]}", 7, 24, "did you mean \"done\"?"),
        Case("without-invariants: {dat: why}", 7, 22, "did you mean \"data\"?"),
        Case("without-invariants: {data: }", 7, 28, "expected a reason, found nothing"),
        Case("workload: [{kind: boot}]", 7, 12, "needs an amount above 0"),
        Case("workload: [{kind: bot, amount: 1 MiB}]", 7, 19, "did you mean \"boot\"?"),
        Case("workload: [{amount: 1 MiB}]", 7, 12, "the key \"kind\" is missing"),
        Case("workload: [{kind: write, amount: 1 MiB}]", 7, 19, "no slot of this workload is read-write"),
        Case("workload: [{kind: boot, amount: 1 MiB, mix: {read: 1}}]", 7, 45, "goes with the kind write"),
        Case("workload: [{kind: boot, amount: 1 MiB, slot: Slot_9}]", 7, 46, "no slot \"Slot_9\"", "Slot_0"),
        Case("workload: [{kind: boot, amount: -1}]", 7, 33, "a size such as 512"),
        Case("workload: [{kind: boot, amount: 1 mib}]", 7, 33, "found \"1 mib\""),
        Case("steps:\n  - insert: Slot_O", 8, 13, "no slot \"Slot_O\"; did you mean \"Slot_0\"?"),
        Case("steps:\n  - insret: Slot_0", 8, 5, "unknown key \"insret\"", "did you mean \"insert\"?"),
        Case("steps:\n  - {insert: all, eject: all}", 8, 19, "\"insert\" and \"eject\" in one step"),
        Case("steps:\n  - insert", 8, 5, "expected a map with one of insert, eject"),
        Case("steps:\n  - {}", 8, 5, "found an empty map"),
        Case("steps: insert", 7, 8, "expected a list of"),
        Case("steps:\n  - insert: {image: smal}", 8, 21, "no image \"smal\"; did you mean \"small\"?"),
        Case("steps:\n  - insert: {expect: timedout}", 8, 22, "did you mean \"timedOut\"?"),
        Case("steps:\n  - insert: {url: 'https://x/', slot: Slot_0}", 8, 19, "a Proxy slot has no URL"),
        Case("steps:\n  - insert: {expect: []}", 8, 22, "at least 1"),
        Case("steps:\n  - wait: 5 s x", 8, 11, "a duration such as 1.5s"),
        Case("steps:\n  - wait: {within: 5s}", 8, 11, "the condition says nothing"),
        Case("steps:\n  - expect: {state: active}", 8, 21, "did you mean \"Active\"?"),
        Case("steps:\n  - expect: {}", 8, 13, "the condition says nothing"),
        Case("steps:\n  - expect: {properties: {a b: 1}}", 8, 27, "a D-Bus property's name"),
        Case("steps:\n  - expect: {fired: {f1: 1}}", 8, 22, "no fault \"f1\"; there is none"),
        Case("steps:\n  - read: {range: 4..}", 8, 19, "a range of bytes such as"),
        Case("steps:\n  - read: {range: [all, end~4..end]}", 8, 25, "found \"end~4..end\""),
        Case("steps:\n  - write: {slot: all}", 8, 12, "the key \"range\" is missing"),
        Case("steps:\n  - host: explode", 8, 11, "eject, prevent-removal"),
        Case("steps:\n  - process: {do: kill}", 8, 14, "the key \"of\" is missing"),
        Case("steps:\n  - image: {name: small, do: resize}", 8, 12, "\"size\" is missing"),
        Case("steps:\n  - image: {name: small, do: remove, size: 1}", 8, 44, "a size goes with resize only"),
        Case("steps:\n  - repeat: {times: 0, steps: [eject: all]}", 8, 21, "from 1 to 10000"),
        Case("steps:\n  - repeat: {times: 2, steps: []}", 8, 31, "at least 1"),
        Case("steps:\n  - parallel: {branches: [[eject: Slot_7]]}", 8, 35, "no slot \"Slot_7\""),
        Case(
            "steps:\n  - choose: {times: 3..1, from: [{steps: [eject: all]}]}", 8, 21, "a range such as 1..4"),
        Case("steps:\n  - heal: f7", 8, 11, "no fault \"f7\""),
        Case("steps:\n  - mark: Half Way", 8, 11, "a name of lower-case letters"),
        Case("faults: [{kind: http.sattus}]", 7, 17, "there is no fault \"http.sattus\""),
        Case("faults: [{parameters: {}}]", 7, 10, "the key \"kind\" is missing"),
        Case("faults: [{kind: http.status, parameters: {cdoe: 5}}]", 7, 43, "no parameter \"cdoe\""),
        Case("faults: [{kind: http.status, parameters: {code: many}}]", 7, 49, "cannot be many"),
        Case("faults: [{kind: http.status, trigger: nht 3}]", 7, 39, "a trigger such as nth 3"),
        Case("faults: [{kind: http.status, select: {layers: http}}]", 7, 39, "did you mean \"layer\"?"),
        Case("faults: [{kind: http.status, budget: {times: 0}}]", 7, 46, "from 1"),
        Case("faults: [{kind: http.status, expect: joy}]", 7, 38, "tolerate"),
        Case(
            "faults:\n  - {identifier: a, kind: http.status}\n  - {identifier: a, kind: http.status}", 9, 18,
            "another fault \"a\" at line 8"),
        Case("swarm: {slots: 0..2}", 7, 16, "from 1 to 16"),
        Case("swarm: {fault-chance: 2}", 7, 23, "a number from 0.0 to 1.0"),
        Case("swarm: {chances: {f9: 0.5}}", 7, 19, "no fault \"f9\""),
        Case("swarm: {vary: {topology.host.profile: [linux, beos]}}", 7, 47, "linux, windows, uefi"),
        Case("swarm: {vary: {topology.slots.Slot_9.mode: [legacy]}}", 7, 45, "did you mean \"Slot_0\"?"),
        Case("swarm: {vary: {topology.slots.Slot_0.timeout: 1ms..2s}}", 7, 16, "whole seconds"),
        Case("swarm: {vary: {topology.zoo: 1..2}}", 7, 16, "unknown key \"zoo\""),
        Case("swarm: {vary: {schedule: fifo}}", 7, 26, "a list of values, or a range"),
        Case("swarm: {vary: {schedule: []}}", 7, 26, "at least one value"),
    ]

    @Test(arguments: afterGoodStart)
    func `a mistake is told with its place and its remedy`(example: Case) {
        expect(example, in: Fixture.start + example.text + "\n")
    }

    static let whole: [Case] = [
        Case("", 1, 1, "the document is empty"),
        Case("just words", 1, 1, "expected a map with name", "found \"just words\""),
        Case("[1, 2]", 1, 1, "found a list of 2"),
        Case("name: [", 2, 1, "not YAML"),
        Case("name: a\n\ttopology: {}", 2, 1, "not YAML"),
        Case("name: *nobody", 1, 7, "undefined alias"),
        Case("? [a]\n: b", 1, 1, "a key must be a word"),
        Case("name: a\n---\nname: b", 2, 1, "another document"),
        Case(
            "topology: {slots: [{name: S}], images: [{name: i, size: 1}]}", 1, 1,
            "the key \"name\" is missing"),
        Case("name: a", 1, 1, "a run needs at least one slot"),
        Case("name: Big Name\ntopology: {slots: [{name: S}]}", 1, 7, "lower-case"),
        Case("name: a\ntopology: {slots: [{name: S}]}", 2, 11, "a run needs at least one image"),
        Case("name: a\ntopology: {slots: [{name: a-b}], images: [{name: i, size: 1}]}", 2, 27, "underscores"),
        Case("name: a\ntopology: {slots: [{name: all}], images: [{name: i, size: 1}]}", 2, 27, "\"all\""),
        Case(
            "name: a\ntopology: {slots: [{name: S}, {name: S}], images: [{name: i, size: 1}]}", 2, 38,
            "another slot \"S\" at line 2"),
        Case(
            "name: a\ntopology: {slots: [{name: S, image: j}], images: [{name: i, size: 1}]}", 2, 37,
            "no image \"j\""),
        Case(
            "name: a\ntopology: {slots: [{name: S, timeout: 1.5s}], images: [{name: i, size: 1}]}", 2, 39,
            "whole seconds from 1s to 1h"),
        Case(
            "name: a\ntopology: {slots: [{name: S, block-size: 513}], images: [{name: i, size: 1}]}", 2, 42,
            "one of 512, 1024, 2048, 4096"),
        Case(
            "name: a\ntopology: {slots: [{name: S, kind: cdrom, read-write: true}], images: [{name: i, size: 1}]}",
            2, 55, "a CD-ROM cannot be written"),
        Case(
            "name: a\ntopology: {controllers: [{ports: 2, occupied: {3: kvm}}], slots: [{name: S}], "
                + "images: [{name: i, size: 1}]}", 2, 47, "no port 3; there are 2"),
        Case(
            "name: a\ntopology: {store: {password: x}, slots: [{name: S}], images: [{name: i, size: 1}]}", 2,
            30,
            "a password needs a user"),
        Case("{\"name\": \"a\", \"topologie\": {}}", 1, 15, "did you mean \"topology\"?"),
    ]

    @Test(arguments: whole)
    func `a document that is wrong as a whole is told so`(example: Case) { expect(example, in: example.text) }

    private func expect(_ example: Case, in text: String) {
        let problems = Fixture.problems(text)
        let found = problems.map { $0.text(file: "case.yaml") }.joined(separator: "\n")
        let match = problems.first { ($0.line, $0.column) == (example.line, example.column) }
        #expect(match != nil, "expected \(example.line):\(example.column), found:\n\(found)")
        for words in example.says { #expect(found.contains(words), "\(found)") }
    }

    @Test func `all mistakes are told at once, in the order of the document`() {
        let problems = Fixture.problems(
            """
            name: Case One
            topology:
              slots:
                - {name: Slot_0, mdoe: proxy, timeout: 0s}
              images:
                - {name: small}
            steps:
              - insert: Slot_1
              - wait: soon
            zebra: 1
            """)
        #expect(problems.map(\.line) == [1, 4, 4, 6, 8, 9, 10])
        #expect(problems.map(\.path).contains("topology.slots[0].timeout"))
        #expect(problems.map(\.path).contains("steps[0].insert.slot"))
    }

    @Test func `a document that grows without end is refused`() {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...8 {
            let below = "*a\(level - 1)"
            bomb += "a\(level): &a\(level) [\(Array(repeating: below, count: 10).joined(separator: ", "))]\n"
        }
        #expect(Fixture.problems(bomb).first?.message.contains("more than 200000 values") == true)
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(Fixture.problems(deep).first?.message.contains("levels deep") == true)
        let deeper = String(repeating: "[", count: 100_000)
        #expect(Fixture.problems(deeper).count == 1)
        let long = "name: " + String(repeating: "a", count: 1 << 20)
        #expect(Fixture.problems(long).first?.message.contains("at most 1048576") == true)
    }
}
