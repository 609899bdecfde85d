import SimulatedTime
import Testing

@testable import Benchmarks

struct SimulatedRunsTests {
    @Test func `the idle day is as long as it says`() throws { try SimulatedIdle.idle(seconds: 60) }

    @Test(arguments: [.firstInFirstOut, .random, .prioritised(depth: 3)] as [Schedule])
    func `the calls end under each schedule`(schedule: Schedule) throws {
        try SimulatedSteps.simulate(schedule, calls: 20)
    }
}
