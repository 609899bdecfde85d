import ArgumentParser

struct BusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bus", abstract: "Runs the message bus alone, for any D-Bus program.")

    func run() async throws {
        throw CleanExit.message("being built")
    }
}
