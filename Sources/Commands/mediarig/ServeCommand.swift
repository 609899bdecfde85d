import ArgumentParser

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves an image or URL over NBD, for any NBD client.")

    func run() async throws {
        throw CleanExit.message("being built")
    }
}
