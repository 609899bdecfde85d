import FaultPlan
import Scenarios
import Synchronization
import Testing

@testable import Runs

struct MinimiserTests {
    static func run(faults: Int) -> Scenario.Resolved {
        var scenario = Scenario("big")
        scenario.faults = (1...faults).map { Fault("uevent.drop", identifier: "f\($0)") }
        scenario.workload = [Scenario.Workload(.random, 1 << 20), Scenario.Workload(.sequential, 1 << 20)]
        scenario.topology.slots = (0..<4).map { Scenario.Slot("Slot_\($0)") }
        scenario.schedule = .pct(3)
        return Scenario.Resolved(scenario: scenario, seed: 1)
    }

    /// Which faults are needed together.
    @Test(arguments: [[7], [3, 60], [1, 32, 64], [1, 2, 3], [64]] as [[Int]])
    func `of sixty-four faults exactly those remain that the failure needs`(needed: [Int]) throws {
        let names = Set(needed.map { "f\($0)" })
        let minimiser = Minimiser { candidate in
            names.isSubset(of: candidate.scenario.faults.map(\.identifier))
        }
        let result = try #require(minimiser.minimise(Self.run(faults: 64)))
        #expect(Set(result.scenario.scenario.faults.map(\.identifier)) == names)
        #expect(result.scenario.scenario.workload.isEmpty)
        #expect(result.scenario.scenario.topology.slots.count == 1)
        #expect(result.scenario.scenario.schedule == .fifo)
        #expect(result.runCount < 250, "\(result.runCount) runs")
        #expect(result.reductions.contains("faults: 64 → \(needed.count)"))
    }

    @Test func `work is halved as far as the failure allows`() throws {
        let minimiser = Minimiser { candidate in
            (candidate.scenario.workload.first?.byteCount ?? 0) >= 100_000
        }
        let result = try #require(minimiser.minimise(Self.run(faults: 2)))
        #expect(result.scenario.scenario.workload.map(\.byteCount) == [131_072])
    }

    @Test func `a run that fails only now and then is not minimised`() {
        let calls = Mutex(0)
        let minimiser = Minimiser { _ in
            calls.withLock { calls in
                calls += 1
                return calls.isMultiple(of: 2)
            }
        }
        #expect(minimiser.minimise(Self.run(faults: 4)) == nil)
    }

    @Test func `the search ends however long it could go on`() throws {
        let minimiser = Minimiser { _ in true }
        let result = try #require(minimiser.minimise(Self.run(faults: 64)))
        #expect(result.scenario.scenario.faults.isEmpty)
        #expect(result.runCount <= Minimiser.maximumRuns)
    }
}
