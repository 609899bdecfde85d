/// fio with 4 KiB blocks at random places, reading and writing, at several queue depths.
package struct NBDRandom: Benchmark {
    package init() {}
    package let name = "nbd-random"
    package let summary = "fio, 4 KiB random reads and writes, queue depths 1, 16 and 32"
    package let neededPrograms = ["nbdkit", "fio"]

    package func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow] {
        let servers = try NBDServers(setting, image: try BenchmarkImage.make(setting))
        var rows: [BenchmarkRow] = []
        for isRead in [true, false] {
            for depth in [1, 16, 32] {
                var row = BenchmarkRow(
                    benchmark: name, work: "4 KiB random \(isRead ? "read" : "write"), QD \(depth)",
                    peer: NBDServers.peerName, unit: "op/s", processorUnit: "µs/op")
                for round in 1...setting.rounds {
                    progress("\(name): \(row.work), round \(round) of \(setting.rounds)")
                    for isOurs in round.isMultiple(of: 2) ? [true, false] : [false, true] {
                        var rate = 0.0
                        let result = try servers.measure(ours: isOurs) { uri in
                            rate = try fio(uri, isRead: isRead, depth: depth, setting)
                        }
                        let cost = result.processorSeconds * 1e6 / (rate * Double(setting.secondsPerSample))
                        if isOurs {
                            row.ours.add(rate: rate, processorCost: cost)
                        } else {
                            row.peers.add(rate: rate, processorCost: cost)
                        }
                    }
                }
                rows.append(row)
            }
        }
        return rows
    }

    /// - Returns: operations per second.
    private func fio(_ uri: String, isRead: Bool, depth: Int, _ setting: BenchmarkSetting) throws -> Double {
        let output = "\(setting.folder)/fio.out"
        try ForeignRun.run(
            [
                "fio", "--name=random", "--ioengine=nbd", "--uri=\(uri)", "--bs=4k",
                "--rw=\(isRead ? "randread" : "randwrite")", "--iodepth=\(depth)", "--time_based",
                "--runtime=\(setting.secondsPerSample)", "--size=\(setting.imageBytes)", "--randseed=1",
                "--norandommap", "--output-format=terse", "--terse-version=3",
            ], output: output)
        let line = try readText(output).split(separator: "\n").first { $0.hasPrefix("3;") }
        let fields = (line ?? "").split(separator: ";", omittingEmptySubsequences: false)
        // fio(1), "Terse output": read IOPS is the eighth field, write IOPS the 49th.
        let index = isRead ? 7 : 48
        guard fields.count > index, let rate = Double(fields[index]), rate > 0 else {
            throw BenchmarkFailure("fio said nothing that can be read: \(line ?? "")")
        }
        return rate
    }
}
