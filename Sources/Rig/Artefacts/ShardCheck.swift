import Reports
import RunLog
import Sharding

/// Whether the shards that were read make up whole regressions.
struct ShardCheck {
    /// Shards of the same regression.
    private struct Work: Hashable {
        let commit: String
        let world: String
        let scenarios: [String]
        let seeds: ClosedRange<UInt64>
        let count: Int

        init(_ header: ShardHeader) {
            commit = header.commit
            world = header.world
            scenarios = header.scenarios
            seeds = header.seeds
            count = header.shard.count
        }

        var words: String {
            "\(scenarios.count) scenarios, seeds \(seeds.lowerBound)..\(seeds.upperBound), \(world)"
        }
    }

    private let files: [RunFile]

    init(_ files: [RunFile]) { self.files = files }

    func problems() -> [String] {
        var groups: [(work: Work, files: [(header: ShardHeader, file: RunFile)])] = []
        for file in files {
            guard let header = file.header else { continue }
            let work = Work(header)
            if let index = groups.firstIndex(where: { $0.work == work }) {
                groups[index].files.append((header, file))
            } else {
                groups.append((work, [(header, file)]))
            }
        }
        var problems: [String] = []
        let commits = Set(files.flatMap(\.runs).map(\.identity.commit) + groups.map(\.work.commit))
        if commits.count > 1 {
            problems.append("results of different commits: \(commits.sorted().joined(separator: ", "))")
        }
        let unmarked = files.count { $0.header == nil }
        if unmarked > 0, !groups.isEmpty {
            problems.append("\(unmarked) files beside the shards' are not of any shard")
        }
        for group in groups {
            problems += missing(group.work, group.files.map(\.header.shard), of: groups.count)
            for (header, file) in group.files { problems += self.problems(of: file, header) }
        }
        return problems
    }

    private func missing(_ work: Work, _ shards: [Shard], of groups: Int) -> [String] {
        // Where several regressions are joined, each problem says whose it is.
        let whose = groups > 1 ? " of \(work.words)" : ""
        var problems: [String] = []
        let present = Set(shards.map(\.index))
        let missing = (1...work.count).filter { !present.contains($0) }
        if !missing.isEmpty {
            problems.append("missing\(whose): \(Self.ranges(missing)) of \(work.count) shards")
        }
        let doubled = present.filter { index in shards.count { $0.index == index } > 1 }.sorted()
        if !doubled.isEmpty {
            problems.append("there more than once\(whose): \(Self.ranges(doubled)) of \(work.count) shards")
        }
        return problems
    }

    private func problems(of file: RunFile, _ header: ShardHeader) -> [String] {
        let name = "shard \(header.shard) (\(file.path))"
        guard let split = try? WorkSplit(scenarioCount: header.scenarios.count, seeds: header.seeds) else {
            return ["\(name) was to do something that cannot be: \(header.scenarios.count) scenarios"]
        }
        var problems: [String] = []
        let foreign = file.runs.filter { run in
            guard let scenario = header.scenarios.firstIndex(of: run.identity.scenario) else { return true }
            return !split.contains(
                WorkSplit.Run(scenario: scenario, seed: run.identity.seed), in: header.shard)
        }
        if let first = foreign.first {
            problems.append("\(name) holds \(foreign.count) runs that are not its own: \(first.name)")
        }
        let expected = expectedCount(file, header, split)
        let done = UInt64(file.runs.count + file.skipped.count { $0.seed != nil })
        if file.isCutShort {
            problems.append("\(name) was cut short after \(done) of \(expected) runs")
        } else if let end = file.end, end.runCount != file.runs.count {
            problems.append("\(name) says it holds \(end.runCount) runs, but holds \(file.runs.count)")
        } else if done < expected, file.end?.stoppedEarly == nil {
            problems.append("\(name) holds \(done) of \(expected) runs, and does not say why")
        }
        return problems
    }

    /// Scenarios that were skipped as a whole take none.
    private func expectedCount(_ file: RunFile, _ header: ShardHeader, _ split: WorkSplit) -> UInt64 {
        let left = Set(file.skipped.filter { $0.seed == nil }.map(\.scenario))
        return header.scenarios.indices.filter { !left.contains(header.scenarios[$0]) }
            .reduce(0) { $0 + split.runCount(ofScenario: $1, in: header.shard) }
    }

    /// "1, 3-5".
    static func ranges(_ numbers: [Int]) -> String {
        var parts: [ClosedRange<Int>] = []
        for number in numbers {
            if let last = parts.last, last.upperBound + 1 == number {
                parts[parts.count - 1] = last.lowerBound...number
            } else {
                parts.append(number...number)
            }
        }
        return parts.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ", ")
    }
}
