import Foundation

/// `mediarig attach` serves an image over a WebSocket, and the host behind the front reads it from its first block to
/// its last; against nbdcopy that reads the same image over TLS, from nbdkit and through a tunnel.
package struct ProxyThroughput: Benchmark {
    package init() {}
    package let name = "websocket"
    package let summary = "sequential read by the host of an image attached over the WebSocket"
    package let neededPrograms = ["nbdkit", "nbdcopy", "socat"]

    private static let patience = 600.0
    /// As many as the host's read-ahead keeps in flight.
    private static let requests = 8
    private static let requestBytes = 128 << 10

    package func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow] {
        let image = try BenchmarkImage.make(setting)
        var direct = Self.row("WebSocket to the host, peer nbdcopy over NBD with TLS")
        var tunnel = Self.row("WebSocket to the host, peer nbdcopy through a TLS tunnel")
        for round in 0...setting.rounds {
            progress("\(name): round \(round) of \(setting.rounds)")
            let ours = try attach(setting, image)
            let server = try nbdkit(setting, image)
            let tunnelled = try throughTunnel(setting, image)
            // Round 0 warms caches up and is not counted.
            guard round > 0 else { continue }
            for isOurs in [true, false] {
                direct[isOurs].add(isOurs ? ours : server)
                tunnel[isOurs].add(isOurs ? ours : tunnelled)
            }
        }
        return [direct, tunnel]
    }

    private static func row(_ work: String) -> BenchmarkRow {
        BenchmarkRow(
            benchmark: "websocket", work: work, peer: work.components(separatedBy: "peer ")[1], unit: "MB/s",
            processorUnit: "s/GiB")
    }

    /// How much was read, how long it took, and the processor time of everybody who had a hand in it.
    fileprivate struct Transfer {
        var bytes: Double
        var seconds: Double
        var processorSeconds: Double
    }

    // MARK: Ours

    private struct ReadLine: Decodable {
        var readBytes: UInt64
        var seconds: Double
        var failure: String?
    }

    private func attach(_ setting: BenchmarkSetting, _ image: String) throws -> Transfer {
        var front = try FrontRun(setting, ["--hosts-read", "--slots", "1"])
        let before = try front.processorSeconds()
        let client = try ForeignRun(
            [
                setting.ourProgram, "attach", image, "--bmc", front.urls[0], "--cafile",
                "\(front.state)/authority.pem", "--password-file", front.passwordFile,
            ], output: "\(setting.folder)/attach.out")
        let read = try front.line(within: Self.patience) {
            try? JSONDecoder().decode(ReadLine.self, from: Data($0.utf8))
        }
        guard read.failure == nil, read.readBytes == setting.imageBytes else {
            throw BenchmarkFailure("the host read \(read.readBytes) bytes: \(read.failure ?? "")")
        }
        return Transfer(
            bytes: Double(read.readBytes), seconds: read.seconds,
            processorSeconds: try front.processorSeconds() - before + client.processorSeconds())
    }

    // MARK: Peers

    /// Certificates by the names that GnuTLS's users expect.
    private func certificates(_ setting: BenchmarkSetting) throws -> String {
        let folder = "\(setting.folder)/pki"
        for (name, file) in [
            ("ca-cert", "authority"), ("server-cert", "server"), ("server-key", "server-key"),
        ] {
            let source = "\(setting.folder)/front/\(file).pem"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            if access("\(folder)/\(name).pem", F_OK) == 0 { continue }
            try FileManager.default.copyItem(atPath: source, toPath: "\(folder)/\(name).pem")
        }
        return folder
    }

    private func nbdkit(_ setting: BenchmarkSetting, _ image: String) throws -> Transfer {
        let folder = try certificates(setting)
        let port = try FreePort.any()
        var server = try ForeignRun(
            [
                "nbdkit", "--foreground", "--port", "\(port)", "--ipaddr", "127.0.0.1", "--tls=require",
                "--tls-certificates=\(folder)", "file", image,
            ], output: "\(setting.folder)/nbdkit.out")
        try FreePort.wait(for: port, &server)
        var transfer = try nbdcopy(setting, "nbds://localhost:\(port)/?tls-certificates=\(folder)")
        transfer.processorSeconds += try server.processorSeconds()
        return transfer
    }

    /// nbdkit, and two ends of a tunnel between it and nbdcopy, as front and attach are between ours.
    private func throughTunnel(_ setting: BenchmarkSetting, _ image: String) throws -> Transfer {
        let folder = try certificates(setting)
        let port = try FreePort.any()
        let (served, near) = ("\(setting.folder)/tunnel-far.sock", "\(setting.folder)/tunnel-near.sock")
        for path in [served, near] { unlink(path) }
        var server = try ForeignRun(
            ["nbdkit", "--foreground", "--unix", served, "file", image],
            output: "\(setting.folder)/nbdkit.out")
        try NBDServers.awaitSocket(served, &server)
        let socat = ["socat", "-b", "\(Self.requestBytes)"]
        let key = "cert=\(folder)/server-cert.pem,key=\(folder)/server-key.pem"
        var farEnd = try ForeignRun(
            socat + ["OPENSSL-LISTEN:\(port),bind=127.0.0.1,verify=0,\(key)", "UNIX-CONNECT:\(served)"],
            output: "\(setting.folder)/far.out")
        try FreePort.wait(for: port, &farEnd)
        let peer = "OPENSSL:127.0.0.1:\(port),cafile=\(folder)/ca-cert.pem"
        var nearEnd = try ForeignRun(
            socat + ["UNIX-LISTEN:\(near)", peer], output: "\(setting.folder)/near.out")
        try NBDServers.awaitSocket(near, &nearEnd)
        var transfer = try nbdcopy(setting, "nbd+unix:///?socket=\(near)")
        transfer.processorSeconds +=
            try server.processorSeconds() + farEnd.processorSeconds() + nearEnd.processorSeconds()
        return transfer
    }

    private func nbdcopy(_ setting: BenchmarkSetting, _ uri: String) throws -> Transfer {
        let before = endedChildrenProcessorSeconds()
        let start = secondsNow()
        try ForeignRun.run(
            [
                "nbdcopy", "--connections=1", "--requests=\(Self.requests)",
                "--request-size=\(Self.requestBytes)", uri, "null:",
            ], output: "\(setting.folder)/nbdcopy.out")
        return Transfer(
            bytes: Double(setting.imageBytes), seconds: secondsNow() - start,
            processorSeconds: endedChildrenProcessorSeconds() - before)
    }
}

extension BenchmarkRow.Series {
    fileprivate mutating func add(_ transfer: ProxyThroughput.Transfer) {
        add(
            rate: transfer.bytes / 1e6 / transfer.seconds,
            processorCost: transfer.processorSeconds / (transfer.bytes / Double(1 << 30)))
    }
}
