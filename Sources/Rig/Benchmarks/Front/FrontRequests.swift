import Foundation

/// GET of the collection of virtual media over TLS that is kept alive, 200 clients, the server on one processor and
/// the clients on another; against nginx, which sends the same bytes out of a file.
package struct FrontRequests: Benchmark {
    package init() {}
    package let name = "front-get"
    package let summary = "GET of the VirtualMedia collection, 200 clients, how many a second and how late"
    package let neededPrograms = ["h2load", "nginx", "curl", "taskset"]

    private static let clients = 200
    /// Asked for in a second, to see how late answers are; a multiple of the clients.
    private static let steadyRate = 5_000
    private static let path = "/redfish/v1/Systems/system/VirtualMedia"
    private static let (serverProcessor, clientProcessor) = (0, 1)

    package func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow] {
        let front = try FrontRun(setting, [], processor: Self.serverProcessor)
        let token = try front.token(setting)
        let document = "\(setting.folder)/www\(Self.path)"
        try FileManager.default.createDirectory(
            atPath: (document as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try ForeignRun.run(
            [
                "curl", "--silent", "--fail", "--cacert", "\(front.state)/authority.pem", "--header",
                "X-Auth-Token: \(token)", "--output", document, front.urls[0] + Self.path,
            ], output: "\(setting.folder)/document.out")
        let peer = try NginxRun(setting, state: front.state, processor: Self.serverProcessor)

        var full = Self.row("GET, 200 clients", unit: "op/s")
        var median = Self.row("GET at 5,000/s, half within", unit: "ms")
        var late = Self.row("GET at 5,000/s, 99 % within", unit: "ms")
        for round in 0...setting.rounds {
            progress("\(name): round \(round) of \(setting.rounds)")
            for isOurs in round.isMultiple(of: 2) ? [true, false] : [false, true] {
                let url = (isOurs ? front.urls[0] : peer.url) + Self.path
                let clock = { try isOurs ? front.processorSeconds() : peer.processorSeconds() }
                let most = try load(
                    setting, url, token, ["--duration", "\(setting.secondsPerSample)"], clock)
                let steady = try load(setting, url, token, Self.steadily(setting.secondsPerSample), clock)
                guard round > 0 else { continue }
                full[isOurs].add(rate: most.perSecond, processorCost: most.processorMicroseconds)
                median[isOurs].add(rate: steady.percentile(0.5), processorCost: steady.processorMicroseconds)
                late[isOurs].add(rate: steady.percentile(0.99), processorCost: steady.processorMicroseconds)
            }
        }
        return [full, median, late]
    }

    /// Clients that come one by one, so that their requests are spread and not one burst of all of them.
    private static func steadily(_ seconds: Int) -> [String] {
        [
            "--requests", "\(steadyRate * seconds)", "--rps", "\(steadyRate / clients)", "--rate", "1",
            "--rate-period", "3ms",
        ]
    }

    private static func row(_ work: String, unit: String) -> BenchmarkRow {
        BenchmarkRow(
            benchmark: "front-get", work: work, peer: "nginx, a file", unit: unit, processorUnit: "µs/op")
    }

    private struct Load {
        var perSecond: Double
        /// Of each answer, sorted.
        var milliseconds: [Double]
        var processorMicroseconds: Double

        func percentile(_ share: Double) -> Double {
            milliseconds.isEmpty
                ? 0 : milliseconds[min(milliseconds.count - 1, Int(Double(milliseconds.count) * share))]
        }
    }

    private func load(
        _ setting: BenchmarkSetting, _ url: String, _ token: String, _ options: [String],
        _ processorSeconds: () throws -> Double
    ) throws -> Load {
        let (log, output) = ("\(setting.folder)/h2load.log", "\(setting.folder)/h2load.out")
        unlink(log)
        let command =
            [
                "h2load", "--h1", "--clients", "\(Self.clients)", "--threads", "1", "--log-file", log,
                "--header", "X-Auth-Token: \(token)",
            ] + options + [url]
        let before = try processorSeconds()
        try ForeignRun.run(Processors.pinned(command, to: Self.clientProcessor), output: output)
        let used = try processorSeconds() - before
        return try Self.load(readText(log), output: readText(output), processorSeconds: used)
    }

    /// - Parameters:
    ///   - log: lines of start, status and microseconds, separated by tabs.
    ///   - output: of h2load, with "finished in 5.00s, 12345.67 req/s".
    private static func load(_ log: String, output: String, processorSeconds: Double) throws -> Load {
        var milliseconds: [Double] = []
        for line in log.split(separator: "\n") {
            let fields = line.split(separator: "\t")
            guard fields.count >= 3, fields[1] == "200", let time = Double(fields[2]) else {
                throw BenchmarkFailure("h2load: an answer of '\(line)'")
            }
            milliseconds.append(time / 1000)
        }
        guard
            let rate = output.split(separator: "\n").first(where: { $0.hasPrefix("finished in") })?
                .split(separator: " ").dropFirst(3).first.flatMap({ Double($0) }), rate > 0,
            !milliseconds.isEmpty
        else { throw BenchmarkFailure("h2load did not say how many requests a second:\n\(output)") }
        milliseconds.sort()
        return Load(
            perSecond: rate, milliseconds: milliseconds,
            processorMicroseconds: processorSeconds * 1e6 / Double(milliseconds.count))
    }
}

extension BenchmarkRow {
    /// The series of ours, or of the peer's.
    subscript(isOurs: Bool) -> Series {
        get { isOurs ? ours : peers }
        set { if isOurs { ours = newValue } else { peers = newValue } }
    }
}
