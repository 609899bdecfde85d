import FaultPoints
import RunLog
import Testing

@testable import FaultPlan

struct FaultEngineTests {
    static let selectors: [(Selector, matches: Bool)] = [
        (Selector(), true), (Selector(layer: .store), true),
        (Selector(operations: ["read"]), true), (Selector(operations: ["write", "r*"]), true),
        (Selector(operations: ["write"]), false),
        (Selector(target: "*.iso"), true), (Selector(target: "a.is?"), true),
        (Selector(target: "*.img"), false),
        (Selector(slot: "Slot_0"), true), (Selector(slot: "Slot_?"), true), (Selector(slot: "Slot_1"), false),
        (Selector(connection: 0), true), (Selector(connection: 1), false),
        (Selector(direction: .down), true), (Selector(direction: .up), false),
        (Selector(bytes: 4095..<4097), true), (Selector(bytes: 8191..<8192), true),
        (Selector(bytes: 8192..<9000), false), (Selector(bytes: 0..<4096), false),
        (Selector(states: ["Active"]), true), (Selector(states: ["Ready", "Active"]), true),
        (Selector(states: ["Ready"]), false),
        (Selector(operations: ["read"], target: "*.iso", slot: "Slot_0", states: ["Ready"]), false),
    ]

    @Test(arguments: selectors)
    func `a selector picks what is all of what it says`(selector: Selector, matches: Bool) throws {
        let fixture = try EngineFixture(.failing(on: .always, select: selector))
        fixture.engine.stateChanged("Slot_0", from: "Ready", to: "Active", at: .zero)
        #expect(fixture.read(1, atMilliseconds: 1).isEmpty == !matches)
        #expect(fixture.engine.tallies[0].matched == (matches ? 1 : 0))
    }

    @Test func `what has no slot, bytes or state is not picked by one`() throws {
        for selector in [
            Selector(slot: "*"), Selector(connection: 0), Selector(direction: .down), Selector(bytes: 0..<1),
            Selector(states: ["Active"]),
        ] {
            let fixture = try EngineFixture(.failing(on: .always, select: selector))
            #expect(fixture.engine.meet(FaultOccasion(.store, "open", on: "a.iso", at: .zero)).isEmpty)
        }
    }

    @Test func `the actions of all faults that fire come in the order of the plan`() throws {
        let fixture = try EngineFixture(
            Fault("store.latency", ["latency": "2ms"]), Fault("http.status", ["code": 503]),
            Fault("store.errno", ["errno": "ESTALE"], trigger: .nth(2)), Fault("store.short-read"))
        #expect(fixture.read(atMilliseconds: 1) == [.delay(.milliseconds(2)), .short(byteCount: 512)])
        #expect(
            fixture.read(atMilliseconds: 2)
                == [.delay(.milliseconds(2)), .fail(errno: 116), .short(byteCount: 512)])
        #expect(fixture.firings.map(\.fault.identifier) == ["f1", "f4", "f1", "f3", "f4"])
        #expect(fixture.engine.neverFired == ["f2"])
    }

    @Test func `tallies say how often, when first, in which states and how long`() throws {
        let fixture = try EngineFixture(
            Fault("store.latency", ["latency": "1.5s"], trigger: .range(first: 2, last: 4, step: 1)))
        fixture.read(slot: nil, atMilliseconds: 1)
        fixture.read(slot: nil, atMilliseconds: 2)
        fixture.engine.stateChanged("Slot_0", from: "Ready", to: "Active", at: .milliseconds(2))
        fixture.read(atMilliseconds: 3)
        fixture.read(atMilliseconds: 4)
        fixture.read(atMilliseconds: 5)
        var expected = FaultTally(identifier: "f1", kind: "store.latency")
        expected.matched = 5
        expected.fired = 3
        expected.firedByState = ["-": 1, "Active": 2]
        expected.firstFiredNanoseconds = 2_000_000
        expected.stallNanoseconds = 4_500_000_000
        #expect(fixture.engine.tallies == [expected])
    }

    @Test func `a budget of stalling cuts delays, and gives holds an end`() throws {
        let budget = Fault.Budget(stall: .seconds(5))
        let slow = try EngineFixture(Fault("store.latency", ["latency": "2s"], budget: budget))
        let delays = (1...4).map { slow.read(atMilliseconds: $0) }
        #expect(delays == [2, 2, 1, 0].map { [.delay(.seconds($0))] })

        let stuck = try EngineFixture(Fault("store.stall", budget: budget))
        #expect(stuck.read(atMilliseconds: 1) == [.delay(.seconds(5))])
        #expect(stuck.read(atMilliseconds: 2) == [.delay(.zero)])
    }

    @Test func `a stall with a duration ends with it`() throws {
        let fixture = try EngineFixture(
            Fault("store.stall", trigger: .atTime(.milliseconds(2)), duration: .milliseconds(10)))
        #expect(fixture.read(atMilliseconds: 1).isEmpty)
        #expect(fixture.read(atMilliseconds: 4) == [.delay(.milliseconds(8))])
        let counted = try EngineFixture(Fault("store.stall", trigger: .nth(2), duration: .milliseconds(10)))
        #expect(counted.read(atMilliseconds: 1).isEmpty)
        #expect(counted.read(atMilliseconds: 4) == [.delay(.milliseconds(10))])
        #expect(counted.read(atMilliseconds: 9) == [.delay(.milliseconds(5))])
    }

    @Test func `healing lets go what is held and ends all firing`() throws {
        let fixture = try EngineFixture(
            Fault("store.stall", trigger: .nth(1)), .failing(on: .range(first: 2, last: nil, step: 1)))
        guard case .hold(let hold)? = fixture.read(atMilliseconds: 1).first else {
            Issue.record("nothing is held")
            return
        }
        #expect(!hold.isReleased)
        #expect(!fixture.read(atMilliseconds: 2).isEmpty)
        fixture.engine.heal(at: .milliseconds(3))
        #expect(hold.isReleased)
        #expect(fixture.read(atMilliseconds: 4).isEmpty)
        #expect(fixture.engine.tallies.map(\.fired) == [1, 1])
        #expect(throws: FaultPlanError.healed) { try fixture.engine.add(.failing(on: .always), at: .zero) }
    }

    @Test func `faults come and go while it runs, and their tallies stay`() throws {
        let fixture = try EngineFixture(.failing(on: .always))
        let engine = fixture.engine
        #expect(!fixture.read(atMilliseconds: 1).isEmpty)
        #expect(engine.remove("f1", at: .milliseconds(1)))
        #expect(!engine.remove("f1", at: .milliseconds(1)))
        #expect(!engine.remove("f9", at: .milliseconds(1)))
        #expect(fixture.read(atMilliseconds: 2).isEmpty)
        // "always" counts from here.
        let added = try engine.add(.failing(on: .always, for: .milliseconds(2)), at: .milliseconds(3))
        #expect(added.identifier == "f2")
        #expect(engine.faults.map(\.identifier) == ["f2"])
        #expect((3...6).filter { !fixture.read(atMilliseconds: $0).isEmpty } == [3, 4])
        #expect(throws: FaultPlanError.duplicateIdentifier("f1")) {
            try engine.add(.failing("f1", on: .always), at: .zero)
        }
        try engine.add(Fault("store.stall"), at: .milliseconds(7))
        guard case .hold(let hold)? = fixture.read(atMilliseconds: 7).first else {
            Issue.record("nothing is held")
            return
        }
        engine.clear(at: .milliseconds(8))
        #expect(hold.isReleased)
        #expect(fixture.read(atMilliseconds: 8).isEmpty)
        #expect(engine.tallies.map(\.fired) == [1, 2, 1])
        try engine.add(.failing(on: .always), at: .milliseconds(9))
        #expect(!fixture.read(atMilliseconds: 9).isEmpty)
    }

    @Test func `a place that does not hold the byte is not a firing`() throws {
        let fixture = try EngineFixture(Fault("store.bit-flip", ["at": 8195]))
        #expect(fixture.read(1, atMilliseconds: 1).isEmpty)
        #expect(fixture.engine.isVacuous)
        guard case .corrupt(.bitFlip(let bit))? = fixture.read(2, atMilliseconds: 2).first else {
            Issue.record("nothing is flipped")
            return
        }
        #expect(bit / 8 == 3)
        #expect(fixture.engine.tallies[0].fired == 1)
    }

    @Test func `what the engine tells may ask the engine`() throws {
        // Neither call may find the engine locked.
        let box = EngineBox()
        let engine = try FaultEngine(
            FaultPlan([.failing(on: .whileFile("x"))]),
            surroundings: .init(
                stateOf: { _ in box.engine?.tallies.first?.kind },
                fileExists: { _ in box.engine?.isVacuous ?? false },
                report: { _ in box.engine?.heal(at: .zero) }))
        box.set(engine)
        let occasion = FaultOccasion(.store, "read", on: "a", slot: "Slot_0", at: .zero)
        #expect(engine.meet(occasion) == [.fail(errno: 5)])
        #expect(engine.meet(occasion).isEmpty)
        #expect(engine.tallies[0].firedByState == ["store.errno": 1])
        box.set(nil)
    }

    /// Not a bound of time, which a busy machine breaks: a quiet layer asks nothing of anybody.
    @Test(arguments: FaultLayer.allCases)
    func `a layer without faults costs no question`(layer: FaultLayer) throws {
        let faults: [Fault] =
            layer == .store
            ? [Fault("http.stall", trigger: .whileFile("x"))]
            : [Fault("store.stall", trigger: .whileFile("x"))]
        let engine = try FaultEngine(
            FaultPlan(faults),
            surroundings: .init(
                stateOf: { _ in
                    Issue.record("asked for a state")
                    return nil
                },
                fileExists: { _ in
                    Issue.record("asked for a file")
                    return false
                }))
        for number in 0..<1000 {
            let occasion = FaultOccasion(layer, "read", on: "x", slot: "Slot_0", at: .milliseconds(number))
            #expect(engine.meet(occasion).isEmpty)
        }
    }
}
