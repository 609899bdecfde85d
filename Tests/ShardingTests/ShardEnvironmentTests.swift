import Testing

@testable import Sharding

struct ShardEnvironmentTests {
    static func slurm(_ id: Int, _ first: Int, _ last: Int, _ step: Int, _ count: Int) -> [String: String] {
        [
            "SLURM_ARRAY_TASK_ID": "\(id)", "SLURM_ARRAY_TASK_MIN": "\(first)",
            "SLURM_ARRAY_TASK_MAX": "\(last)", "SLURM_ARRAY_TASK_STEP": "\(step)",
            "SLURM_ARRAY_TASK_COUNT": "\(count)",
        ]
    }

    @Test(
        arguments: [
            (slurm(1, 1, 4, 1, 4), "1/4"), (slurm(4, 1, 4, 1, 4), "4/4"), (slurm(0, 0, 30, 2, 16), "1/16"),
            (slurm(30, 0, 30, 2, 16), "16/16"), (slurm(7, 7, 7, 1, 1), "1/1"),
            // 0-31:5 ends at 30, and Slurm says so.
            (slurm(10, 0, 30, 5, 7), "3/7"),
            (["JOB_COMPLETION_INDEX": "0", "MEDIARIG_SHARD_COUNT": "5"], "1/5"),
            (["AWS_BATCH_JOB_ARRAY_INDEX": "9", "AWS_BATCH_JOB_ARRAY_SIZE": "10"], "10/10"),
            (["AWS_BATCH_JOB_ARRAY_INDEX": "9", "MEDIARIG_SHARD_COUNT": "10"], "10/10"),
            (["PARALLEL_SEQ": "2", "MEDIARIG_SHARD_COUNT": "8"], "2/8"),
            (["CI_NODE_INDEX": "3", "CI_NODE_TOTAL": "4"], "3/4"),
            (["CIRCLE_NODE_INDEX": "0", "CIRCLE_NODE_TOTAL": "1"], "1/1"),
            (["CIRCLE_NODE_INDEX": "3", "CIRCLE_NODE_TOTAL": "4"], "4/4"),
            (["BUILDKITE_PARALLEL_JOB": "0", "BUILDKITE_PARALLEL_JOB_COUNT": "3"], "1/3"),
            (["MEDIARIG_SHARD": "2/3"], "2/3"),
        ] as [([String: String], String)])
    func `every engine's variables say which shard this is`(variables: [String: String], shard: String) throws
    {
        #expect(try "\(ShardEnvironment(variables).shard().shard)" == shard)
        #expect(try "\(ShardEnvironment.shard("auto", environment: variables))" == shard)
    }

    @Test(
        arguments: [
            [:], ["MEDIARIG_SHARD": ""], ["MEDIARIG_SHARD": "3"], ["MEDIARIG_SHARD_COUNT": "4"],
            // Half of a pair.
            ["JOB_COMPLETION_INDEX": "0"], ["PARALLEL_SEQ": "1"], ["CI_NODE_INDEX": "1"],
            ["CI_NODE_TOTAL": "4"],
            ["CIRCLE_NODE_INDEX": "1"], ["CIRCLE_NODE_TOTAL": "4"], ["BUILDKITE_PARALLEL_JOB": "1"],
            ["BUILDKITE_PARALLEL_JOB_COUNT": "4"], ["AWS_BATCH_JOB_ARRAY_INDEX": "1"],
            ["SLURM_ARRAY_TASK_ID": "1"], ["SLURM_ARRAY_TASK_COUNT": "1"],
            ["SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "4"],
            // Contradictions.
            ["CI_NODE_INDEX": "0", "CI_NODE_TOTAL": "4"], ["CI_NODE_INDEX": "5", "CI_NODE_TOTAL": "4"],
            ["CIRCLE_NODE_INDEX": "4", "CIRCLE_NODE_TOTAL": "4"],
            ["JOB_COMPLETION_INDEX": "x", "MEDIARIG_SHARD_COUNT": "4"],
            ["JOB_COMPLETION_INDEX": "1", "MEDIARIG_SHARD_COUNT": "-4"],
            ["JOB_COMPLETION_INDEX": "0", "MEDIARIG_SHARD_COUNT": "0"],
            ["JOB_COMPLETION_INDEX": "9223372036854775807", "MEDIARIG_SHARD_COUNT": "9223372036854775807"],
            // 1,3,7 has gaps; 2 is not in 1-5:2; a step of nothing.
            slurm(3, 1, 7, 1, 3), slurm(2, 1, 5, 2, 3), slurm(1, 1, 1, 0, 1), slurm(9, 1, 4, 1, 4),
        ] as [[String: String]])
    func `variables that are missing, half set or contradictory are an error with a remedy`(
        variables: [String: String]
    ) {
        let error = #expect(throws: ShardError.self) { try ShardEnvironment(variables).shard() }
        #expect(error?.remedy.contains("I/N") == true, "\(String(describing: error))")
    }

    @Test func `what the user sets comes before what engines set`() throws {
        var variables = Self.slurm(1, 1, 4, 1, 4)
        variables["CI_NODE_INDEX"] = "7"
        variables["MEDIARIG_SHARD"] = "2/9"
        #expect(try ShardEnvironment(variables).shard().shard == Shard("2/9"))
        #expect(try ShardEnvironment.shard("3/9", environment: variables) == Shard("3/9"))
    }

    @Test func `engines inside one another must agree unless one has a single job`() throws {
        var variables = Self.slurm(2, 1, 4, 1, 4)
        variables.merge(["CIRCLE_NODE_INDEX": "0", "CIRCLE_NODE_TOTAL": "1", "CI_NODE_TOTAL": "1"]) { $1 }
        #expect(try ShardEnvironment(variables).shard().shard == Shard("2/4"))
        variables.merge(["CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "4"]) { $1 }
        #expect(try ShardEnvironment(variables).shard().shard == Shard("2/4"))
        variables["CI_NODE_INDEX"] = "3"
        let error = #expect(throws: ShardError.self) { try ShardEnvironment(variables).shard() }
        #expect(error?.cause.contains("Slurm") == true && error?.cause.contains("GitLab") == true)
    }
}
