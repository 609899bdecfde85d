import Foundation

/// How much memory the front takes, with nobody there and with many who do nothing.
package struct FrontMemory: Benchmark {
    package init() {}
    package let name = "front-memory"
    package let summary = "resident memory of mediarig up: idle; with 1,000 sessions and 1,000 event streams"
    package let neededPrograms = ["curl"]

    private static let sessions = 1000
    /// Of each of four programs: curl's own limit is 300.
    private static let streamsPerProgram = 250
    private static let patience = 120.0

    package func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow] {
        var idle = Self.row("front, nobody there")
        var sessions = Self.row("front, 1,000 sessions")
        var streams = Self.row("front, 1,000 sessions, 1,000 streams")
        // Nothing varies much: one round of what takes long.
        progress("\(name): start")
        let front = try FrontRun(setting, [])
        Thread.sleep(forTimeInterval: 1)
        idle.ours.add(rate: try front.residentMebibytes(), processorCost: try front.processorSeconds())
        progress("\(name): sessions")
        let token = try logIn(setting, front)
        sessions.ours.add(rate: try front.residentMebibytes(), processorCost: try front.processorSeconds())
        progress("\(name): streams")
        let listeners = Listeners(
            first: try listener(setting, front, token, 1), second: try listener(setting, front, token, 2),
            third: try listener(setting, front, token, 3), fourth: try listener(setting, front, token, 4))
        try wait(for: Listeners.count * Self.streamsPerProgram, setting, front, token)
        streams.ours.add(rate: try front.residentMebibytes(), processorCost: try front.processorSeconds())
        listeners.end()
        return [idle, sessions, streams]
    }

    private static func row(_ work: String) -> BenchmarkRow {
        BenchmarkRow(
            benchmark: "front-memory", work: work, peer: "", unit: "MiB", processorUnit: "s so far")
    }

    /// - Returns: the token of the last one.
    private func logIn(_ setting: BenchmarkSetting, _ front: borrowing FrontRun) throws -> String {
        let body = #"{"UserName":"admin","Password":"\#(front.password)"}"#
        var lines = ["cacert = \"\(front.state)/authority.pem\"", "silent", "fail"]
        for number in 0..<Self.sessions - 1 {
            if number > 0 { lines.append("next") }
            lines += [
                "url = \"\(front.urls[0])/redfish/v1/SessionService/Sessions\"",
                "cacert = \"\(front.state)/authority.pem\"",
                "header = \"Content-Type: application/json\"",
                "data = \"\(body.replacingOccurrences(of: "\"", with: "\\\""))\"", "output = /dev/null",
            ]
        }
        let file = "\(setting.folder)/logins.curl"
        guard FileManager.default.createFile(atPath: file, contents: Data(lines.joined(separator: "\n").utf8))
        else { throw BenchmarkFailure("\(file): cannot be written") }
        try ForeignRun.run(["curl", "--config", file], output: "\(setting.folder)/logins.out")
        return try front.token(setting)
    }

    private func listener(
        _ setting: BenchmarkSetting, _ front: borrowing FrontRun, _ token: String, _ number: Int
    ) throws -> ForeignRun {
        try ForeignRun(
            [
                "curl", "--silent", "--no-buffer", "--cacert", "\(front.state)/authority.pem", "--http1.1",
                "--parallel", "--parallel-immediate", "--parallel-max", "\(Self.streamsPerProgram)",
                "--header",
                "X-Auth-Token: \(token)", "--output", "/dev/null",
                // One of its own for each; the front does not look at it.
                "\(front.urls[0])/redfish/v1/EventService/SSE#[1-\(Self.streamsPerProgram)]",
            ], output: "\(setting.folder)/stream\(number).out")
    }

    /// Until the front knows of all of them.
    private func wait(
        for count: Int, _ setting: BenchmarkSetting, _ front: borrowing FrontRun, _ token: String
    ) throws {
        struct Collection: Decodable {
            let count: Int
            enum CodingKeys: String, CodingKey { case count = "Members@odata.count" }
        }
        let output = "\(setting.folder)/subscriptions.out"
        let deadline = secondsNow() + Self.patience
        while true {
            try ForeignRun.run(
                [
                    "curl", "--silent", "--fail", "--cacert", "\(front.state)/authority.pem", "--header",
                    "X-Auth-Token: \(token)", "\(front.urls[0])/redfish/v1/EventService/Subscriptions",
                ], output: output)
            let known = try JSONDecoder().decode(Collection.self, from: Data(readText(output).utf8)).count
            if known >= count { return }
            guard secondsNow() < deadline else {
                throw BenchmarkFailure("\(known) of \(count) event streams were opened")
            }
            usleep(100_000)
        }
    }
}

/// Programs that hold streams open for as long as this is there.
private struct Listeners: ~Copyable {
    static let count = 4
    let first: ForeignRun
    let second: ForeignRun
    let third: ForeignRun
    let fourth: ForeignRun

    consuming func end() {}
}
