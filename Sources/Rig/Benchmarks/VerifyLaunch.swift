import Foundation

/// How soon the emulated host knows the device, and how long a run on a tiny image takes, against the
/// smallest foreign path there is: nbdkit started for one nbdinfo.
package struct VerifyLaunch: Benchmark {
    package init() {}
    package let name = "launch"
    package let summary = "mediarig verify of 64 KiB, until the host knows the device and to the end"
    package let neededPrograms = ["nbdkit", "nbdinfo"]

    /// Small enough that reading it costs nothing beside the start.
    private static let imageBytes = 64 << 10

    package func run(_ setting: BenchmarkSetting, progress: (String) -> Void) throws -> [BenchmarkRow] {
        let image = "\(setting.folder)/launch-image"
        let bytes = (0..<Self.imageBytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
        guard FileManager.default.createFile(atPath: image, contents: Data(bytes)) else {
            throw BenchmarkFailure("\(image): cannot be written")
        }
        var whole = Self.row("launch, whole process")
        var enumerated = Self.row("launch, host knows the device")
        for round in 0...setting.rounds {
            progress("\(name): round \(round) of \(setting.rounds)")
            let output = "\(setting.folder)/launch.out"
            let ours = try Self.measure(
                [setting.ourProgram, "verify", image, "--json", "--random-reads", "0"], output)
            let milliseconds = try Self.millisecondsToEnumerated(readText(output))
            let peers = try Self.measure(
                ["nbdkit", "-U", "-", "file", image, "--run", "nbdinfo \"$uri\""], output)
            guard round > 0 else { continue }
            whole.ours.add(rate: 1 / ours.seconds, processorCost: ours.processorMilliseconds)
            whole.peers.add(rate: 1 / peers.seconds, processorCost: peers.processorMilliseconds)
            enumerated.ours.add(rate: 1000 / milliseconds, processorCost: ours.processorMilliseconds)
            enumerated.peers.add(rate: 1 / peers.seconds, processorCost: peers.processorMilliseconds)
        }
        return [enumerated, whole]
    }

    /// From the JSON report of `mediarig verify`.
    static func millisecondsToEnumerated(_ text: String) throws -> Double {
        struct Report: Decodable {
            let millisecondsToEnumerated: Double?
        }
        let report = try? JSONDecoder().decode(Report.self, from: Data(text.utf8))
        guard let milliseconds = report?.millisecondsToEnumerated, milliseconds > 0 else {
            throw BenchmarkFailure("verify did not say when the host knew the device")
        }
        return milliseconds
    }

    private static func row(_ work: String) -> BenchmarkRow {
        BenchmarkRow(
            benchmark: "launch", work: work, peer: "nbdkit --run nbdinfo", unit: "1/s",
            processorUnit: "ms/run")
    }

    private static func measure(_ command: [String], _ output: String) throws -> (
        seconds: Double, processorMilliseconds: Double
    ) {
        let processorStart = endedChildrenProcessorSeconds()
        let start = secondsNow()
        try ForeignRun.run(command, output: output)
        return (secondsNow() - start, (endedChildrenProcessorSeconds() - processorStart) * 1000)
    }
}
