/// Finds out from environment variables which part of a run this process is to do.
///
/// In this order: `MEDIARIG_SHARD` alone decides where it is set. Otherwise every engine that shows its
/// variables is asked; those that speak of more than one part must agree. An engine that shows half of its
/// variables, or some that contradict each other, is an error, because a guess would leave seeds out or run
/// them twice.
package struct ShardEnvironment {
    /// Says how many parts there are where an engine tells only which one this is.
    package static let countVariable = "MEDIARIG_SHARD_COUNT"
    package static let shardVariable = "MEDIARIG_SHARD"

    private let variables: [String: String]

    /// - Parameter variables: the environment; a variable that is set but empty counts as not set.
    package init(_ variables: [String: String]) {
        self.variables = variables.filter { !$0.value.isEmpty }
    }

    /// What `--shard` was given: "I/N", or "auto" for the environment.
    package static func shard(
        _ text: String, environment: [String: String]
    ) throws(ShardError) -> Shard {
        text == "auto" ? try ShardEnvironment(environment).shard().shard : try Shard(text)
    }

    /// - Returns: the part, and the name of whoever says so.
    package func shard() throws(ShardError) -> (shard: Shard, source: String) {
        if let text = variables[Self.shardVariable] {
            do throws(ShardError) { return (try Shard(text), Self.shardVariable) } catch {
                throw ShardError("\(Self.shardVariable): \(error.cause)", error.remedy)
            }
        }
        var found: [(shard: Shard, source: String)] = []
        for engine in Engine.all {
            if let shard = try engine.shard(variables) { found.append((shard, engine.name)) }
        }
        guard let first = found.first(where: { $0.shard.count > 1 }) ?? found.first else {
            throw ShardError(
                "no variable says which shard this is",
                "give --shard I/N, or set \(Self.shardVariable)=I/N; known engines are "
                    + Engine.all.map(\.name).joined(separator: ", "))
        }
        // A job of one part around or inside an array says nothing about the array.
        for other in found where other.shard.count > 1 && other.shard != first.shard {
            throw ShardError(
                "\(first.source) says shard \(first.shard), \(other.source) says \(other.shard)",
                "give --shard I/N, or set \(Self.shardVariable)=I/N")
        }
        return first
    }
}

/// How one engine tells its jobs apart.
struct Engine: Sendable {
    let name: String
    let indexVariable: String
    /// What the engine counts its jobs from.
    let firstIndex: Int
    /// The first of these that is set holds the number of jobs.
    let countVariables: [String]
    /// Whether this engine sets the number also for jobs that are no part of anything.
    var setsCountAlways = false

    /// In the order in which they are asked.
    static let all: [Engine] = [
        Engine(
            name: "Slurm", indexVariable: "SLURM_ARRAY_TASK_ID", firstIndex: 0,
            countVariables: ["SLURM_ARRAY_TASK_COUNT"]),
        Engine(
            name: "Kubernetes", indexVariable: "JOB_COMPLETION_INDEX", firstIndex: 0,
            countVariables: [ShardEnvironment.countVariable]),
        Engine(
            name: "AWS Batch", indexVariable: "AWS_BATCH_JOB_ARRAY_INDEX", firstIndex: 0,
            countVariables: ["AWS_BATCH_JOB_ARRAY_SIZE", ShardEnvironment.countVariable]),
        Engine(
            name: "GNU parallel", indexVariable: "PARALLEL_SEQ", firstIndex: 1,
            countVariables: [ShardEnvironment.countVariable]),
        Engine(
            name: "GitLab", indexVariable: "CI_NODE_INDEX", firstIndex: 1, countVariables: ["CI_NODE_TOTAL"],
            setsCountAlways: true),
        Engine(
            name: "CircleCI", indexVariable: "CIRCLE_NODE_INDEX", firstIndex: 0,
            countVariables: ["CIRCLE_NODE_TOTAL"]),
        Engine(
            name: "Buildkite", indexVariable: "BUILDKITE_PARALLEL_JOB", firstIndex: 0,
            countVariables: ["BUILDKITE_PARALLEL_JOB_COUNT"]),
    ]

    /// - Returns: `nil` where this engine is not at work.
    func shard(_ variables: [String: String]) throws(ShardError) -> Shard? {
        let countVariable = countVariables.first { variables[$0] != nil }
        guard variables[indexVariable] != nil else {
            // A number of jobs that belongs to no one engine is no sign of this one.
            guard let countVariable, countVariable != ShardEnvironment.countVariable else { return nil }
            if setsCountAlways, variables[countVariable] == "1" { return nil }
            throw ShardError(
                "\(name) set \(countVariable) but not \(indexVariable)",
                "set both, or give --shard I/N")
        }
        guard let countVariable else {
            throw ShardError(
                "\(name) set \(indexVariable) but nothing says how many shards there are",
                "set \(countVariables.joined(separator: " or ")), or give --shard I/N")
        }
        let index = try number(indexVariable, variables)
        let count = try number(countVariable, variables)
        let position = name == "Slurm" ? try slurmPosition(index, count, variables) : index - firstIndex
        guard (0..<count).contains(position) else {
            throw ShardError(
                "\(indexVariable)=\(index) does not fit \(countVariable)=\(count)",
                "\(name) counts from \(firstIndex): set both from the same job, or give --shard I/N")
        }
        return try Shard(index: position + 1, count: count)
    }

    /// Slurm's task numbers run from any first one to any last one in steps of any size.
    ///
    /// - Returns: the position of task `index`, from 0.
    private func slurmPosition(
        _ index: Int, _ count: Int, _ variables: [String: String]
    ) throws(ShardError) -> Int {
        let first = try number("SLURM_ARRAY_TASK_MIN", variables)
        let last = try number("SLURM_ARRAY_TASK_MAX", variables)
        let step =
            variables["SLURM_ARRAY_TASK_STEP"] == nil ? 1 : try number("SLURM_ARRAY_TASK_STEP", variables)
        guard step >= 1, first <= index, index <= last, (last - first) / step + 1 == count,
            (index - first).isMultiple(of: step)
        else {
            throw ShardError(
                "the Slurm array \(first)-\(last):\(step) with \(count) tasks has gaps, so task \(index) has no "
                    + "place that can be computed",
                "use one range, as --array=1-16 or --array=0-30:2, or give --shard I/N")
        }
        return (index - first) / step
    }

    private func number(_ variable: String, _ variables: [String: String]) throws(ShardError) -> Int {
        guard let text = variables[variable] else {
            throw ShardError("\(name) did not set \(variable)", "set it, or give --shard I/N")
        }
        guard let number = Shard.number(text), number <= Int(Int32.max) else {
            throw ShardError("\(variable)='\(text)' is no number", "correct it, or give --shard I/N")
        }
        return number
    }
}
