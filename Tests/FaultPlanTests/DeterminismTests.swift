import FaultPoints
import Testing

@testable import FaultPlan

struct DeterminismTests {
    /// Faults that all draw, at the same occasions.
    static let faults = [
        Fault.failing("a", on: .probability(0.3)),
        Fault("store.latency", ["latency": "uniform 1ms 9ms"], identifier: "b", trigger: .probability(0.5)),
        Fault("store.bit-flip", identifier: "c", trigger: .every(2, offset: 0)),
        Fault("store.latency", ["latency": "pareto 1ms 1.2"], identifier: "d"),
    ]

    /// What each fault did, in the order of its firings.
    static func run(_ faults: [Fault], seed: UInt64) throws -> [String: [String]] {
        let fixture = try EngineFixture(seed: seed)
        for fault in faults { try fixture.engine.add(fault, at: .zero) }
        for number in 1...200 { fixture.read(number, atMilliseconds: number) }
        return Dictionary(grouping: fixture.firings, by: \.fault.identifier)
            .mapValues { $0.map { "\($0.time) \($0.actions)" } }
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>, faults.indices)
    func `taking one fault away leaves every other as it was`(seed: UInt64, index: Int) throws {
        let whole = try Self.run(Self.faults, seed: seed)
        var fewer = Self.faults
        let taken = fewer.remove(at: index)
        var expected = whole
        expected[taken.identifier] = nil
        #expect(try Self.run(fewer, seed: seed) == expected, "seed \(seed)")
    }

    @Test func `the same seed does the same, another does not`() throws {
        #expect(try Self.run(Self.faults, seed: 7) == Self.run(Self.faults, seed: 7))
        #expect(try Self.run(Self.faults, seed: 7) != Self.run(Self.faults, seed: 8))
    }

    @Test func `another parameter does not move the moments`() throws {
        let slow = Fault("store.latency", ["latency": "5ms"], identifier: "b", trigger: .probability(0.5))
        let times = { (fault: Fault) in
            try Self.run([fault], seed: 3)["b"]?.map { $0.prefix { $0 != "[" } }
        }
        #expect(try times(slow) == times(Self.faults[1]))
    }

    @Test func `a part of a resolved plan draws as in the whole`() throws {
        let unnamed = Self.faults.map { fault in
            var fault = fault
            fault.identifier = ""
            return fault
        }
        let plan = try FaultPlan(unnamed).resolve(seed: 5)
        #expect(plan.faults.map(\.identifier) == ["f1", "f2", "f3", "f4"])
        #expect(try plan.resolve(seed: 99) == plan)
        let whole = try Self.run(plan.faults, seed: 5)
        let part = try Self.run(Array(plan.faults.suffix(1)), seed: 5)
        #expect(part["f4"] == whole["f4"])
    }

    /// Fixed numbers: a draw must not change with the machine or the compiler.
    @Test func `streams give the numbers they always gave`() throws {
        let fixture = try EngineFixture(Fault("store.latency", ["latency": "exp 10ms"]), seed: 42)
        let delays = (1...3).flatMap { fixture.read(atMilliseconds: $0) }
        #expect(
            delays == [606_674, 5_926_236, 15_895_501].map { .delay(.nanoseconds($0)) })
    }
}
