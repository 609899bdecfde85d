import FaultPoints
import Testing

@testable import FaultPlan

struct TriggerTests {
    static let texts: [(String, Trigger)] = [
        ("always", .always), ("nth 3", .nth(3)), ("every 5", .every(5, offset: 0)),
        ("every 5 after 2", .every(5, offset: 2)), ("from 3", .range(first: 3, last: nil, step: 1)),
        ("from 3 to 9", .range(first: 3, last: 9, step: 1)),
        ("from 3 to 9 step 2", .range(first: 3, last: 9, step: 2)),
        ("from 3 step 2", .range(first: 3, last: nil, step: 2)), ("after 65536 bytes", .afterBytes(65536)),
        ("at 2s", .atTime(.seconds(2))), ("at 1.5ms", .atTime(.microseconds(1500))),
        ("on event read", .onEvent("read", count: 1)),
        ("on event fault http.status #3", .onEvent("fault http.status", count: 3)),
        ("on every event read", .onEvent("read", count: nil)),
        ("on state Active", .onState(entity: nil, state: "Active", edge: .enter, count: 1)),
        ("on leaving Active", .onState(entity: nil, state: "Active", edge: .exit, count: 1)),
        ("on state Ready of Slot_? #2", .onState(entity: "Slot_?", state: "Ready", edge: .enter, count: 2)),
        ("on every leaving Ready", .onState(entity: nil, state: "Ready", edge: .exit, count: nil)),
        ("p 0.01", .probability(0.01)), ("p 1e-08", .probability(1e-8)), ("until cleared", .untilCleared),
        ("while file /tmp/is broken", .whileFile("/tmp/is broken")), ("after step 0", .betweenSteps(0)),
    ]

    @Test(arguments: texts)
    func `a trigger is read and written as the same text`(text: String, trigger: Trigger) {
        #expect(Trigger(text) == trigger)
        #expect(trigger.description == text)
    }

    @Test func `larger units and one are read as bytes and as chance`() {
        #expect(Trigger("after 64 KiB") == .afterBytes(65536))
        #expect(Trigger("after 2 GiB") == .afterBytes(1 << 31))
        #expect(Trigger("p 1") == .probability(1))
    }

    @Test(
        arguments: [
            "", "allways", "always 1", "nth", "nth 0", "nth -1", "nth x", "every 0", "every 5 before 2",
            "every 5 after -1", "from 9 to 3", "from 3 step 0", "from 3 to", "from 3 to 9 by 2",
            "from 3 to 9 step 2 3", "after 5", "after 5 MB", "after 99999999999999999999 bytes",
            "after 99999999999 GiB", "at", "at 2", "at -2s", "at 2s now", "on event", "on state",
            "on every event", "on state a b", "on state Active in Slot_0", "on event read #0",
            "on event read #x",
            "p", "p 0", "p 1.5", "p nan", "p -0.1", "until", "until healed", "while file", "while /tmp/x",
            "after step -1",
        ])
    func `what is no trigger is not taken for one`(text: String) {
        #expect(Trigger(text) == nil)
    }

    /// Of twelve reads of 4 KiB at 1 … 12 ms, with three durations.
    static let firing: [(String, none: [Int], short: [Int], long: [Int])] = [
        ("always", Array(1...12), [1, 2], Array(1...12)),
        ("until cleared", Array(1...12), Array(1...12), Array(1...12)),
        ("nth 3", [3], [3, 4, 5], Array(3...12)),
        ("nth 13", [], [], []),
        ("every 5", [5, 10], [5, 6, 7, 10, 11, 12], Array(5...12)),
        ("every 5 after 2", [7, 12], [7, 8, 9, 12], Array(7...12)),
        ("from 11", [11, 12], [11, 12], [11, 12]),
        ("from 3 to 9 step 6", [3, 9], [3, 4, 5, 9, 10, 11], Array(3...12)),
        ("after 40959 bytes", [10, 11, 12], [10, 11, 12], [10, 11, 12]),
        ("after 40960 bytes", [11, 12], [11, 12], [11, 12]),
        ("at 0s", Array(1...12), [1, 2], Array(1...12)),
        ("at 10ms", [10, 11, 12], [10, 11, 12], [10, 11, 12]),
        ("at 9ms", [9, 10, 11, 12], [9, 10, 11], [9, 10, 11, 12]),
        ("at 13ms", [], [], []),
        ("p 1", Array(1...12), Array(1...12), Array(1...12)),
        ("after step 0", [1], [1, 2, 3], Array(1...12)),
        ("after step 11", [12], [12], [12]),
        ("on event read", [], [], []),
        ("while file /none", [], [], []),
    ]

    @Test(arguments: firing)
    func `a trigger fires at its occasions, and for its duration`(
        text: String, none: [Int], short: [Int], long: [Int]
    ) throws {
        let trigger = try #require(Trigger(text))
        // An occasion at the very end of the duration is outside.
        let cases: [(Duration?, [Int])] = [(nil, none), (.milliseconds(3), short), (.seconds(1), long)]
        for (duration, expected) in cases {
            let fixture = try EngineFixture(.failing(on: trigger, for: duration))
            #expect(
                fixture.fired(of: 12) == expected, "\(text) for \(duration.map(DurationText.write) ?? "-")")
            #expect(fixture.engine.tallies[0].matched == 12)
            #expect(fixture.engine.tallies[0].fired == expected.count)
            #expect(fixture.engine.isVacuous == expected.isEmpty)
        }
    }

    @Test(arguments: firing, [1, 2, 5])
    func `a budget cuts the firings off and shifts nothing`(
        row: (String, none: [Int], short: [Int], long: [Int]), times: Int
    ) throws {
        let trigger = try #require(Trigger(row.0))
        let fixture = try EngineFixture(.failing(on: trigger, budget: .init(times: times)))
        #expect(fixture.fired(of: 12) == Array(row.none.prefix(times)))
    }

    @Test(arguments: [0.1, 0.5, 0.9], 1...5 as ClosedRange<UInt64>)
    func `chance fires about as often as it says`(chance: Double, seed: UInt64) throws {
        let fixture = try EngineFixture(.failing(on: .probability(chance)), seed: seed)
        let count = Double(fixture.fired(of: 4000).count)
        // Five standard deviations.
        let deviation = (4000 * chance * (1 - chance)).squareRoot()
        #expect(abs(count - 4000 * chance) < 5 * deviation, "seed \(seed): \(count)")
    }

    @Test func `an event opens a fault for its duration, at its count and for its slot`() throws {
        let fixture = try EngineFixture(
            .failing(
                on: .onEvent("inserted", count: 2), for: .milliseconds(2), select: Selector(slot: "Slot_0")))
        let engine = fixture.engine
        engine.observe("inserted", slot: "Slot_1", at: .milliseconds(1))
        engine.observe("removed", slot: "Slot_0", at: .milliseconds(1))
        engine.observe("inserted", slot: "Slot_0", at: .milliseconds(2))
        #expect(fixture.read(atMilliseconds: 2).isEmpty)
        engine.observe("inserted", slot: "Slot_0", at: .milliseconds(3))
        #expect(fixture.read(slot: "Slot_1", atMilliseconds: 3).isEmpty)
        #expect(fixture.read(atMilliseconds: 4) == [.fail(errno: 5)])
        #expect(fixture.read(atMilliseconds: 5).isEmpty)
        engine.observe("inserted", slot: "Slot_0", at: .milliseconds(6))
        #expect(fixture.read(atMilliseconds: 6).isEmpty)
    }

    @Test(arguments: [Trigger.StateEdge.enter, .exit], [nil, 1, 2])
    func `a state opens a fault when it is entered or left, once or each time`(
        edge: Trigger.StateEdge, count: Int?
    ) throws {
        let fixture = try EngineFixture(
            .failing(
                on: .onState(entity: "Slot_*", state: "Active", edge: edge, count: count),
                for: .milliseconds(1)))
        var fired: [Int] = []
        for round in 0..<3 {
            for (step, change) in [("Ready", "Active"), ("Active", "Ready")].enumerated() {
                let time = round * 10 + step * 5
                fixture.engine.stateChanged("nbd", from: change.0, to: change.1, at: .milliseconds(time))
                #expect(fixture.read(atMilliseconds: time).isEmpty)
                fixture.engine.stateChanged("Slot_0", from: change.0, to: change.1, at: .milliseconds(time))
                if !fixture.read(atMilliseconds: time).isEmpty { fired.append(time) }
                fixture.engine.stateChanged("nbd", from: change.1, to: change.0, at: .milliseconds(time + 2))
            }
        }
        let all = edge == .enter ? [0, 10, 20] : [5, 15, 25]
        #expect(fired == (count.map { [all[$0 - 1]] } ?? all))
    }

    @Test func `a file switches a fault on and off`() throws {
        let fixture = try EngineFixture(.failing(on: .whileFile("/tmp/broken")))
        for (time, exists) in [false, true, true, false, true].enumerated() {
            fixture.setFile("/tmp/broken", exists: exists)
            #expect(fixture.read(atMilliseconds: time).isEmpty == !exists)
        }
    }
}
