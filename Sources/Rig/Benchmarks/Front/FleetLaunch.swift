/// How soon a thousand BMCs are up in one process, and how much memory they take.
package struct FleetLaunch: Benchmark {
    package init() {}
    package let name = "fleet"
    package let summary = "mediarig up --fleet 1000, until all of them listen, and its resident memory"
    package let neededPrograms: [String] = []

    private static let bmcs = 1000

    package func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow] {
        var start = BenchmarkRow(
            benchmark: name, work: "fleet of 1,000, all listen", peer: "", unit: "s", processorUnit: "s")
        var memory = BenchmarkRow(
            benchmark: name, work: "fleet of 1,000, memory", peer: "", unit: "MiB", processorUnit: "s")
        for round in 1...setting.rounds {
            progress("\(name): round \(round) of \(setting.rounds)")
            let fleet = try FrontRun(setting, ["--fleet", "\(Self.bmcs)"])
            guard fleet.urls.count == Self.bmcs else {
                throw BenchmarkFailure("\(fleet.urls.count) of \(Self.bmcs) BMCs listen")
            }
            let processorSeconds = try fleet.processorSeconds()
            start.ours.add(rate: fleet.startSeconds, processorCost: processorSeconds)
            memory.ours.add(rate: try fleet.residentMebibytes(), processorCost: processorSeconds)
        }
        return [start, memory]
    }
}
