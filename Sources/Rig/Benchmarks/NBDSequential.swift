/// nbdcopy of the whole image into nothing, with one connection and with four.
package struct NBDSequential: Benchmark {
    package init() {}
    package let name = "nbd-sequential"
    package let summary = "nbdcopy of the whole image, 1 and 4 connections"
    package let neededPrograms = ["nbdkit", "nbdcopy"]

    package func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow] {
        let servers = try NBDServers(setting, image: try BenchmarkImage.make(setting))
        var rows: [BenchmarkRow] = []
        for connections in [1, 4] {
            var row = BenchmarkRow(
                benchmark: name, work: "read, \(connections) connection\(connections == 1 ? "" : "s")",
                peer: NBDServers.peerName, unit: "MB/s", processorUnit: "s/GiB")
            for round in 0...setting.rounds {
                progress("\(name): \(row.work), round \(round) of \(setting.rounds)")
                for isOurs in round.isMultiple(of: 2) ? [true, false] : [false, true] {
                    let result = try servers.measure(ours: isOurs) { uri in
                        try ForeignRun.run(
                            ["nbdcopy", "--connections=\(connections)", uri, "null:"],
                            output: "\(setting.folder)/nbdcopy.out")
                    }
                    // Round 0 warms caches up and is not counted.
                    guard round > 0 else { continue }
                    let rate = Double(setting.imageBytes) / 1e6 / result.seconds
                    let cost = result.processorSeconds / (Double(setting.imageBytes) / Double(1 << 30))
                    if isOurs {
                        row.ours.add(rate: rate, processorCost: cost)
                    } else {
                        row.peers.add(rate: rate, processorCost: cost)
                    }
                }
            }
            rows.append(row)
        }
        return rows
    }
}
