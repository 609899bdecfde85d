import Glibc

/// `mediarig verify` of the whole image, against nbdcopy of the same file from our own server into
/// nothing: what the path through bus, kernel, gadget and host costs, and the comparison with it.
package struct VerifyWhole: Benchmark {
    package init() {}
    package let name = "verify"
    package let summary = "mediarig verify of the whole image, against nbdcopy from our server"
    package let neededPrograms = ["nbdcopy"]

    package func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow] {
        let image = try BenchmarkImage.make(setting)
        let socket = "\(setting.folder)/verify.sock"
        var server = try ForeignRun(
            [setting.ourProgram, "serve", image, "--unix", socket],
            output: "\(setting.folder)/verify-server.out")
        try NBDServers.awaitSocket(socket, &server)
        var row = BenchmarkRow(
            benchmark: name, work: "verify, whole process", peer: "nbdcopy from our server", unit: "MB/s",
            processorUnit: "s/GiB")
        for round in 0...setting.rounds {
            progress("\(name): round \(round) of \(setting.rounds)")
            for isOurs in round.isMultiple(of: 2) ? [true, false] : [false, true] {
                let command =
                    isOurs
                    ? [setting.ourProgram, "verify", image, "--random-reads", "0"]
                    : ["nbdcopy", "nbd+unix:///?socket=\(socket)", "null:"]
                // Both ends count: verify has its server inside.
                let processorStart = try endedChildrenProcessorSeconds() + server.processorSeconds()
                let start = secondsNow()
                try ForeignRun.run(command, output: "\(setting.folder)/verify.out")
                let seconds = secondsNow() - start
                let processor =
                    try endedChildrenProcessorSeconds() + server.processorSeconds() - processorStart
                // Round 0 warms caches up and is not counted.
                guard round > 0 else { continue }
                let rate = Double(setting.imageBytes) / 1e6 / seconds
                let cost = processor / (Double(setting.imageBytes) / Double(1 << 30))
                if isOurs {
                    row.ours.add(rate: rate, processorCost: cost)
                } else {
                    row.peers.add(rate: rate, processorCost: cost)
                }
            }
        }
        return [row]
    }
}

/// Processor seconds of all programs that were started from here and have ended.
func endedChildrenProcessorSeconds() -> Double {
    var usage = rusage()
    // RUSAGE_CHILDREN, which the C library's overlay types so that the call does not take it.
    getrusage(-1, &usage)
    let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
    return Double(seconds) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
}
