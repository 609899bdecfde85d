import ArgumentParser
@preconcurrency import Glibc

@main
struct MediaRigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mediarig",
        abstract: "Drives an image through the whole virtual media path and proves every block.",
        discussion: """
            Exit status: 0 proven; 1 wrong data or a broken invariant; 2 usage or bad input; 3 a deadline \
            passed; 4 the same seed gave another run; 5 nothing wrong seen, but not proven; 6 the machine \
            lacks something.
            """,
        subcommands: [
            VerifyCommand.self, ObserveCommand.self, RunCommand.self, ReplayCommand.self,
            MinimiseCommand.self,
            WeaknessCommand.self,
            ContractsCommand.self, ScenarioCommand.self, FaultsCommand.self, ReportCommand.self,
            ServeCommand.self,
            StoreCommand.self, BusCommand.self,
            UpCommand.self, AttachCommand.self,
            RigCommand.self, BenchCommand.self, RecordsCommand.self, DoctorCommand.self, RigAgentCommand.self,
        ])

    static func main() async {
        Console.prepare()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            try Console.finishOutput()
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            // The parser's own number for usage errors is 64; every MediaRig command says 2.
            fputs(fullMessage(for: error) + "\n", stderr)
            Glibc.exit(ExitStatus.usage.rawValue)
        }
    }
}
