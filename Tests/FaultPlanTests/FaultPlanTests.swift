import FaultPoints
import Foundation
import Testing

@testable import FaultPlan

struct FaultPlanTests {
    static let full = Fault(
        "http.status", ["code": 503, "retryAfter": 2], identifier: "slow server",
        select: Selector(
            layer: .http, operations: ["get"], target: "*.iso", slot: "Slot_0", connection: 1,
            direction: .down,
            bytes: 0..<4096, states: ["Active"]), trigger: .every(3, offset: 1),
        duration: .milliseconds(1500),
        budget: Fault.Budget(times: 4, stall: .seconds(3)), expect: .failMount(code: 121), stream: "shared")

    @Test func `a fault is one line`() {
        #expect(
            Self.full.description
                == "slow server http.status(code: 503, retryAfter: 2) http get of *.iso at Slot_0 connection 1 "
                + "down bytes 0..<4096 in Active; every 3 after 1; for 1.5s; at most 4 times; stalls at most 3s; "
                + "expect fail-mount 121")
    }

    @Test func `a plan comes back from its JSON`() throws {
        let plan = FaultPlan(
            seed: .max,
            [
                Self.full, Fault("store.stall"), .failing("x", on: .probability(0.25)),
                Fault(
                    "store.errno", ["errno": 116, "odd": [1, 2.5, "x", true, []]], trigger: .untilCleared),
            ])
        let json = try JSONEncoder().encode(plan)
        #expect(try JSONDecoder().decode(FaultPlan.self, from: json) == plan)
    }

    @Test func `only the kind is required, and the form is for people`() throws {
        let json = """
            {"faults": [
              {"kind": "store.stall"},
              {"kind": "http.status", "parameters": {"code": 503}, "select": {"target": "*.iso",
               "bytes": "sectors 0..<8"}, "trigger": "nth 3", "duration": "2s",
               "budget": {"times": 1, "stall": "5s"}, "expect": "fail-mount 121"}]}
            """
        let plan = try JSONDecoder().decode(FaultPlan.self, from: Data(json.utf8))
        #expect(plan.faults[0] == Fault("store.stall"))
        #expect(
            plan.faults[1]
                == Fault(
                    "http.status", ["code": 503], select: Selector(target: "*.iso", bytes: 0..<4096),
                    trigger: .nth(3),
                    duration: .seconds(2), budget: .init(times: 1, stall: .seconds(5)),
                    expect: .failMount(code: 121)))
    }

    @Test(arguments: FaultExpectation.words)
    func `every word of an expectation is read and written`(word: String) throws {
        #expect(try #require(FaultExpectation(word)).description == word)
        #expect(FaultExpectation(word + " 5")?.description == (word == "fail-mount" ? "fail-mount 5" : nil))
        #expect(FaultExpectation(word + "x") == nil)
    }

    /// What is wrong, and a piece of what is said about it.
    static let badJSON: [(String, String)] = [
        (#"{"faults": [{}]}"#, "kind"),
        (#"{"faults": [{"kind": "store.stall", "triger": "always"}]}"#, #"unknown key "triger""#),
        (#"{"faults": [{"kind": "store.stall", "select": {"file": "x"}}]}"#, #"unknown key "file""#),
        (#"{"faults": [{"kind": "store.stall", "budget": {"count": 1}}]}"#, #"unknown key "count""#),
        (#"{"fault": []}"#, #"unknown key "fault""#),
        (#"{"faults": [{"kind": "store.stall", "trigger": "sometimes"}]}"#, "is not a trigger"),
        (#"{"faults": [{"kind": "store.stall", "duration": "2"}]}"#, "is not a duration"),
        (#"{"faults": [{"kind": "store.stall", "expect": "hope"}]}"#, "is not one of tolerate"),
        (#"{"faults": [{"kind": "store.stall", "select": {"bytes": "5"}}]}"#, "is not a range"),
        (#"{"faults": [{"kind": "store.stall", "select": {"layer": "disk"}}]}"#, "disk"),
    ]

    @Test(arguments: badJSON)
    func `a plan that cannot be read says what is wrong`(json: String, piece: String) {
        let error = #expect(throws: (any Error).self) {
            try JSONDecoder().decode(FaultPlan.self, from: Data(json.utf8))
        }
        #expect(error.map { "\($0)" }?.contains(piece) == true, "\(error.map { "\($0)" } ?? "")")
    }

    /// A fault that cannot be, and what is said about it.
    static let refused: [(Fault, String)] = [
        (
            Fault("http.statu", ["code": 503]),
            "f1: there is no fault \"http.statu\"; similar are http.status"
        ),
        (Fault("zzz"), "f1: there is no fault \"zzz\"; `mediarig faults` lists them"),
        (Fault("http.status"), "f1: http.status needs \"code\": a whole number from 400 to 599"),
        (
            Fault("http.status", ["code": 200]),
            "f1: \"code\" of http.status cannot be 200; it must be a whole number from 400 to 599"
        ),
        (Fault("http.status", ["code": "many"]), "f1: \"code\" of http.status cannot be many; it must be"),
        (Fault("http.status", ["code": 503.5]), "f1: \"code\" of http.status cannot be 503.5; it must be"),
        (
            Fault("http.status", ["code": 503, "after": 1]),
            "f1: http.status has no parameter \"after\"; it has code, retryAfter"
        ),
        (Fault("store.stall", ["x": 1]), "f1: store.stall has no parameter \"x\"; it has none"),
        (
            Fault("store.errno", ["errno": "EWHAT"]),
            "f1: \"errno\" of store.errno cannot be EWHAT; it must be an errno"
        ),
        (Fault("store.latency", ["latency": "soon"]), "f1: \"latency\" of store.latency cannot be soon"),
        (Fault("store.stall", trigger: .nth(0)), "f1: trigger \"nth 0\": occasions are counted from 1"),
        (Fault("store.stall", trigger: .probability(2)), "f1: trigger \"p 2.0\": a probability is above 0"),
        (
            Fault("http.head-refused", select: Selector(operations: ["get"])),
            "f1: http.head-refused never meets \"get\"; it meets head"
        ),
        (
            Fault("store.stall", select: Selector(layer: .http)),
            "f1: store.stall is not met in layer http; leave the layer out"
        ),
        (Fault("store.stall", budget: .init(times: 0)), "f1: a budget allows at least one firing"),
        (Fault("store.stall", budget: .init(stall: .zero)), "f1: a budget allows at least one firing"),
    ]

    @Test(arguments: refused)
    func `a fault that cannot be is refused with the way out`(fault: Fault, message: String) {
        let error = #expect(throws: FaultPlanError.self) { try FaultPlan([fault]).resolve(seed: 1) }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }

    @Test func `two faults of one name are refused, and names are given around those taken`() throws {
        #expect(throws: FaultPlanError.duplicateIdentifier("a")) {
            try FaultPlan([.failing("a", on: .always), .failing("a", on: .always)]).resolve(seed: 1)
        }
        let plan = try FaultPlan([.failing("f2", on: .always), .failing(on: .always), .failing(on: .always)])
            .resolve(seed: 1)
        #expect(plan.faults.map(\.identifier) == ["f2", "f3", "f4"])
    }

    @Test func `resolving fills in everything`() throws {
        let plan = try FaultPlan([Fault("http.head-refused")]).resolve(seed: 9)
        #expect(plan.seed == 9)
        #expect(plan.faults[0].parameters == ["code": "405"])
        #expect(plan.faults[0].expect == .failMount(code: nil))
        #expect(plan.faults[0].stream == "fault f1")
        #expect(plan.lines == ["f1 http.head-refused(code: 405); always; expect fail-mount"])
    }
}
