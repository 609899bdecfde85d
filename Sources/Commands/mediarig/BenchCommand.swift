import ArgumentParser
import Benchmarks
import Capabilities
import Foundation

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures against named peers in the same run.",
        discussion: """
            Each measurement is a pair, ours and the peer's, on the same work; medians and the medians of \
            the ratios are shown. A quiet machine gives the truest figures: on a busy one, look at the \
            processor time first.
            """)

    /// Every benchmark there is, in the order they run.
    static let all: [any Benchmark] = [
        NBDSequential(), NBDRandom(), VerifyWhole(), VerifyLaunch(), StoreReads.sequential, StoreReads.random,
        FrontRequests(), FrontMemory(), FleetLaunch(), ProxyThroughput(), SimulatedIdle(), SimulatedSteps(),
    ]

    @Option(help: ArgumentHelp("Run only this one; may be given again.", valueName: "name"))
    var only: [String] = []

    @Option(help: ArgumentHelp("Pairs per measurement.", valueName: "count"))
    var rounds = 5

    @Option(help: ArgumentHelp("Size of the image, in MiB.", valueName: "MiB"))
    var size = 1024

    @Option(help: ArgumentHelp("Length of one random-access measurement.", valueName: "seconds"))
    var seconds = 3

    @Flag(help: "Fail, with exit code 6, where a peer is missing.")
    var require = false

    @Flag(help: "List the benchmarks and end.")
    var list = false

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func validate() throws {
        guard (1...1000).contains(rounds), (1...1 << 20).contains(size), (1...3600).contains(seconds) else {
            throw ValidationError("--rounds, --size and --seconds want small positive numbers.")
        }
        let names = Self.all.map(\.name)
        for name in only where !names.contains(name) {
            throw ValidationError("No benchmark '\(name)'; there are \(names.joined(separator: ", ")).")
        }
    }

    func run() async throws {
        Console.prepare()
        let chosen = Self.all.filter { only.isEmpty || only.contains($0.name) }
        if list {
            for benchmark in chosen { print("\(benchmark.name): \(benchmark.summary)") }
            return
        }
        let folder = try makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let setting = BenchmarkSetting(
            rounds: rounds, imageBytes: UInt64(size) << 20, folder: folder,
            ourProgram: "/proc/\(getpid())/exe", secondsPerSample: seconds)
        var rows: [BenchmarkRow] = []
        for benchmark in chosen where try isPossible(benchmark) {
            do {
                rows += try benchmark.run(setting, progress: showProgress)
            } catch {
                Console.complain("\(benchmark.name): \(error)")
                throw ExitCode(ExitStatus.environmentMissing.rawValue)
            }
        }
        try show(rows)
    }

    private func isPossible(_ benchmark: any Benchmark) throws -> Bool {
        let missing = benchmark.neededPrograms.filter {
            ThisMachine(path: ProcessInfo.processInfo.environment["PATH"] ?? "").executable($0) == nil
        }
        if missing.isEmpty { return true }
        Console.complain("\(benchmark.name) skipped: \(missing.joined(separator: ", ")) not installed")
        if require { throw ExitCode(ExitStatus.environmentMissing.rawValue) }
        return false
    }

    private func makeFolder() throws -> String {
        var template = Array("/tmp/mediarig-bench-\(String(repeating: "X", count: 6))".utf8CString)
        guard mkdtemp(&template) != nil else {
            Console.complain("/tmp: cannot make a folder: \(String(cString: strerror(errno)))")
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func showProgress(_ text: String) {
        guard Console.errorIsTerminal else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
    }

    private func show(_ rows: [BenchmarkRow]) throws {
        if Console.errorIsTerminal { showProgress("") }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(rows), as: UTF8.self))
        } else {
            print(BenchmarkTable.text(rows))
        }
    }
}
