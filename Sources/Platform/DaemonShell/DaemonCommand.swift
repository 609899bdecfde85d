package import ArgumentParser
@preconcurrency import Glibc

extension AsyncParsableCommand {
    /// The `main` of a daemon: signals are taken before anything else, and a wrong command line ends as a wrong
    /// configuration does, where the parser's own number is 64.
    package static func runAsDaemon() async {
        ProcessSignals.take()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            fputs(fullMessage(for: error) + "\n", stderr)
            Glibc.exit(DaemonEnding.configuration.rawValue)
        }
    }
}
