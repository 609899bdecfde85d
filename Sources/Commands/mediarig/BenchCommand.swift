import ArgumentParser

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures against named peers in the same run.")

    func run() async throws {
        throw CleanExit.message("being built")
    }
}
