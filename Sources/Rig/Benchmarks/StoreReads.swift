/// fio through the mount of a store without faults, against bindfs and against the file itself.
package struct StoreReads: Benchmark {
    package let name: String
    package let summary: String
    package let neededPrograms = ["fio", "bindfs"]
    private let isRandom: Bool

    package static let sequential = StoreReads(
        name: "store-sequential", summary: "fio, 1 MiB sequential reads through the mount of a store",
        isRandom: false)
    package static let random = StoreReads(
        name: "store-random", summary: "fio, 4 KiB random reads through the mount of a store, 1 and 4 jobs",
        isRandom: true)

    private init(name: String, summary: String, isRandom: Bool) {
        self.name = name
        self.summary = summary
        self.isRandom = isRandom
    }

    package func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow] {
        let mounts = try StoreMounts(setting)
        var rows: [BenchmarkRow] = []
        for jobs in isRandom ? [1, 4] : [1] {
            var bindfs = row(jobs: jobs, peer: StoreMounts.Place.bindfs.rawValue)
            var bare = row(jobs: jobs, peer: StoreMounts.Place.bare.rawValue)
            for round in 0...setting.rounds {
                progress("\(name): \(jobs) jobs, round \(round) of \(setting.rounds)")
                let places = StoreMounts.Place.allCases
                for place in round.isMultiple(of: 2) ? places : places.reversed() {
                    let result = try mounts.measure(
                        place, blockBytes: isRandom ? 4096 : 1 << 20, isRandom: isRandom, jobs: jobs)
                    // Round 0 warms caches up and is not counted.
                    guard round > 0 else { continue }
                    let rate = isRandom ? result.operations : result.rate
                    let bytes = result.rate * 1e6 * Double(setting.secondsPerSample)
                    let cost =
                        isRandom
                        ? result.processorSeconds * 1e6 / (rate * Double(setting.secondsPerSample))
                        : result.processorSeconds / (bytes / Double(1 << 30))
                    switch place {
                    case .ours:
                        bindfs.ours.add(rate: rate, processorCost: cost)
                        bare.ours.add(rate: rate, processorCost: cost)
                    case .bindfs: bindfs.peers.add(rate: rate, processorCost: cost)
                    case .bare: bare.peers.add(rate: rate, processorCost: cost)
                    }
                }
            }
            rows += [bindfs, bare]
        }
        return rows
    }

    private func row(jobs: Int, peer: String) -> BenchmarkRow {
        let work =
            isRandom ? "store, 4 KiB random read, \(jobs) job\(jobs == 1 ? "" : "s")" : "store, 1 MiB read"
        return BenchmarkRow(
            benchmark: name, work: "\(work), peer \(peer)", peer: peer, unit: isRandom ? "op/s" : "MB/s",
            processorUnit: isRandom ? "µs/op" : "s/GiB")
    }
}
