import TestSupport
import Testing

@testable import Sharding

struct WorkSplitTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `every run is in exactly one shard, and shards differ by one run at most`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let scenarios = Int.random(in: 1...7, using: &random)
        let starts: [UInt64] = [0, 1, 1_000_000, .max - 200]
        let first = starts.randomElement(using: &random) ?? 0
        let seeds = first...(first + UInt64.random(in: 0...150, using: &random))
        let shards = Int.random(in: 1...(scenarios * seeds.count + 3), using: &random)
        let split = try WorkSplit(scenarioCount: scenarios, seeds: seeds)
        var holder: [WorkSplit.Run: Int] = [:]
        var counts: [UInt64] = []
        for index in 1...shards {
            let shard = try Shard(index: index, count: shards)
            let runs = Array(split.runs(of: shard))
            for run in runs {
                #expect(holder.updateValue(index, forKey: run) == nil, "seed \(seed): \(run) twice")
                #expect(split.contains(run, in: shard))
            }
            counts.append(UInt64(runs.count))
            for scenario in 0..<scenarios {
                let truth = runs.count { $0.scenario == scenario }
                #expect(split.runCount(ofScenario: scenario, in: shard) == UInt64(truth), "seed \(seed)")
            }
            #expect(split.runCount(of: shard) == counts[index - 1], "seed \(seed)")
        }
        #expect(holder.count == scenarios * seeds.count, "seed \(seed)")
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "seed \(seed): \(counts)")
        for (run, index) in holder {
            let other = try Shard(index: index % shards + 1, count: shards)
            #expect(shards == 1 || !split.contains(run, in: other), "seed \(seed)")
        }
    }

    @Test func `each shard gets its share of every scenario, whatever divides what`() throws {
        let split = try WorkSplit(scenarioCount: 4, seeds: 1...100)
        for index in 1...4 {
            let runs = Array(split.runs(of: try Shard(index: index, count: 4)))
            for scenario in 0..<4 { #expect(runs.count { $0.scenario == scenario } == 25) }
            // A shard stopped after any number of runs has looked at all scenarios alike.
            #expect(Set(runs.prefix(4).map(\.scenario)).count == 4)
        }
    }

    @Test func `runs are the same in every process`() throws {
        let split = try WorkSplit(scenarioCount: 2, seeds: 10...14)
        let runs = split.runs(of: try Shard(index: 2, count: 3)).map { "\($0.scenario):\($0.seed)" }
        #expect(runs == ["0:11", "1:12", "0:14"])
    }

    @Test func `the first run of a huge range comes at once`() throws {
        let split = try WorkSplit(scenarioCount: 3, seeds: 0...(1 << 50))
        var runs = split.runs(of: try Shard(index: 7, count: 16)).makeIterator()
        #expect(runs.next() == WorkSplit.Run(scenario: 0, seed: 6))
        #expect(throws: ShardError.self) { try WorkSplit(scenarioCount: 1, seeds: 0...UInt64.max) }
        #expect(throws: ShardError.self) { try WorkSplit(scenarioCount: 0, seeds: 1...2) }
    }
}
