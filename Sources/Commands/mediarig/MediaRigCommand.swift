import ArgumentParser

@main
struct MediaRigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mediarig",
        abstract: "Drives an image through the whole virtual media path and proves every block.",
        subcommands: [ServeCommand.self, BusCommand.self, BenchCommand.self])
}
