import FaultPoints
import SimulatedTime
import Testing

@testable import FaultPlan

struct StrikeTests {
    /// One that is over at once and one that lasts, whatever else the catalogue holds.
    static let catalogue = FaultCatalogue(
        FaultCatalogue.standard.kinds + [
            .striking("test.kill", [], .process, effect: "", expected: "", .recover, in: [.sim]),
            .striking("test.unplug", [], .usb, lasts: true, effect: "", expected: "", .recover, in: [.sim]),
        ])

    static let times: [(String, Duration?, kill: [String], unplug: [String])] = [
        ("always", nil, ["begin f1 0s"], ["begin f1 0s"]),
        ("always", .seconds(3), [], ["begin f1 0s", "end f1 3s"]),
        ("until cleared", .seconds(3), [], ["begin f1 0s"]),
        ("at 2s", nil, ["begin f1 2s"], ["begin f1 2s"]),
        ("at 2s", .milliseconds(500), [], ["begin f1 2s", "end f1 2.5s"]),
        ("at 11s", .seconds(1), [], []),
        ("nth 3", nil, ["begin f1 3s"], ["begin f1 3s"]),
        ("nth 3", .seconds(2), [], ["begin f1 3s", "end f1 5s"]),
        ("every 4", .seconds(1), [], ["begin f1 4s", "end f1 5s", "begin f1 8s", "end f1 9s"]),
        (
            "every 2", .seconds(3), [],
            ["begin f1 2s", "end f1 5s", "begin f1 6s", "end f1 9s", "begin f1 10s"]
        ),
        ("every 4", nil, ["begin f1 4s", "begin f1 8s"], ["begin f1 4s"]),
        ("after step 4", nil, ["begin f1 5s"], ["begin f1 5s"]),
        ("after 8192 bytes", nil, (3...10).map { "begin f1 \($0)s" }, ["begin f1 3s"]),
        ("on state Active", nil, ["begin f1 1s"], ["begin f1 1s"]),
        ("on every leaving Active", nil, (1...5).map { "begin f1 \($0 * 2)s" }, ["begin f1 2s"]),
        (
            "on every state Active", .seconds(1), [],
            (1...5).flatMap { ["begin f1 \($0 * 2 - 1)s", "end f1 \($0 * 2)s"] }
        ),
        ("on event tick #4", nil, ["begin f1 4s"], ["begin f1 4s"]),
    ]

    /// Ten seconds with, at each second, what was due, then a change of state, an event and a read.
    @Test(arguments: times)
    func `a strike begins when its trigger says and ends with its duration`(
        text: String, duration: Duration?, kill: [String], unplug: [String]
    ) throws {
        let trigger = try #require(Trigger(text))
        for (kind, expected) in [("test.kill", kill), ("test.unplug", unplug)] {
            if kind == "test.kill", duration != nil { continue }
            let select = Selector(layer: trigger.isCounted ? .store : nil)
            let fixture = try EngineFixture(
                Fault(kind, select: select, trigger: trigger, duration: duration), catalogue: Self.catalogue)
            let engine = fixture.engine
            for second in 0...10 {
                let now = Duration.seconds(second)
                // The clock stops at every moment that was asked for.
                while let next = engine.nextStrike, next <= now { engine.strikes(dueAt: next) }
                guard second > 0 else { continue }
                let states = second % 2 == 1 ? ("Ready", "Active") : ("Active", "Ready")
                engine.stateChanged("Slot_0", from: states.0, to: states.1, at: now)
                engine.observe("tick", at: now)
                #expect(fixture.read(second, atMilliseconds: second * 1000).isEmpty)
            }
            #expect(fixture.strikes == expected, "\(kind) \(text)")
            let begins = expected.filter { $0.hasPrefix("begin") }.count
            #expect(engine.tallies[0].fired == begins)
            #expect(fixture.firings.count == begins)
        }
    }

    @Test func `healing ends what lasts, and nothing strikes afterwards`() throws {
        let fixture = try EngineFixture(
            Fault("test.unplug", trigger: .always), Fault("test.kill", trigger: .atTime(.seconds(5))),
            Fault("test.unplug", trigger: .atTime(.seconds(1)), duration: .seconds(1)),
            catalogue: Self.catalogue)
        #expect(fixture.engine.nextStrike == .zero)
        fixture.engine.strikes(dueAt: .seconds(3))
        fixture.engine.heal(at: .seconds(4))
        fixture.engine.strikes(dueAt: .seconds(9))
        #expect(fixture.engine.nextStrike == nil)
        #expect(fixture.strikes == ["begin f1 0s", "begin f3 1s", "end f3 2s", "end f1 4s"])
        #expect(fixture.engine.neverFired == ["f2"])
    }

    @Test func `a strike names the slot it was set off by, and heeds its selector`() throws {
        let fixture = try EngineFixture(
            Fault(
                "test.kill", select: Selector(slot: "Slot_?", states: ["Active"]),
                trigger: .onEvent("x", count: nil)),
            Fault("test.kill", select: Selector(slot: "Slot_7"), trigger: .atTime(.seconds(1))),
            Fault(
                "test.kill", select: Selector(layer: .store, operations: ["read"], slot: "Slot_*"),
                trigger: .nth(1)), catalogue: Self.catalogue)
        let engine = fixture.engine
        engine.observe("x", slot: "Slot_0", at: .zero)
        engine.stateChanged("Slot_0", from: "Ready", to: "Active", at: .zero)
        engine.observe("x", slot: "Slot_0", at: .zero)
        engine.observe("x", slot: "other", at: .zero)
        engine.observe("x", at: .zero)
        engine.strikes(dueAt: .seconds(1))
        fixture.read(slot: "Slot_3", atMilliseconds: 1500)
        #expect(fixture.firings.map(\.strike?.slot) == ["Slot_0", "Slot_7", "Slot_3"])
        #expect(fixture.firings.map(\.occasion?.target) == [nil, nil, "a.iso"])
    }

    @Test func `a file plugs and unplugs`() throws {
        let fixture = try EngineFixture(
            Fault("test.unplug", trigger: .whileFile("/x")), catalogue: Self.catalogue)
        for (second, exists) in [false, true, true, false, true].enumerated() {
            fixture.setFile("/x", exists: exists)
            fixture.engine.strikes(dueAt: .seconds(second))
        }
        #expect(fixture.strikes == ["begin f1 1s", "end f1 3s", "begin f1 4s"])
    }

    @Test func `a strike that is over at once has no duration`() throws {
        #expect(throws: FaultPlanError.pointlessDuration(fault: "f1", kind: "test.kill")) {
            try FaultEngine(FaultPlan([Fault("test.kill", duration: .seconds(1))]), catalogue: Self.catalogue)
        }
    }
}
