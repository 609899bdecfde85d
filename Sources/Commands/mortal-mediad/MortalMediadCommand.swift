import ArgumentParser
import DaemonShell
@preconcurrency import Glibc
import MediaDaemon
import Mortality
import VirtualMedia

@main
struct MortalMediadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mortal-mediad",
        abstract: "Is virtual-mediad, and kills itself (SIGKILL) after a chosen change of configfs.",
        discussion: """
            For rigs: what a dead service leaves, at every point of building and taking down a gadget, is what the next \
            start must clear away. It is not installed anywhere. See docs/virtual-mediad.md.
            """)

    @Option(name: .customLong("config"), help: "The configuration, in OpenBMC's format.")
    var configurationFile = DaemonSettings().configurationFile

    @Option(help: ArgumentHelp("Die after this change of configfs.", valueName: "number"))
    var at: Int

    @Option(help: "Count changes from the start of the process, or from the first directory that it makes.")
    var counting = MortalGadgetTree.Counting.build

    @Flag(help: "Let callers name files of this machine.")
    var allowLocalFiles = false

    func validate() throws {
        guard at >= 1 else { throw ValidationError("--at: a number from 1.") }
    }

    func run() async throws {
        umask(0o077)
        var settings = DaemonSettings()
        settings.configurationFile = configurationFile
        settings.allowsLocalFiles = allowLocalFiles
        let (last, counting) = (at, counting)
        let daemon: VirtualMediaDaemon
        do throws(DaemonFailure) {
            daemon = try VirtualMediaDaemon(
                settings, supervisor: Supervisor(), log: DaemonLog("mortal-mediad", level: settings.logLevel)
            ) { platform in
                var mortal = platform
                mortal.gadgets = MortalGadgetTree(platform.gadgets, last: last, counting: counting) {
                    change in
                    fputs("mortal-mediad: dies after \(change)\n", stderr)
                    kill(getpid(), SIGKILL)
                }
                return mortal
            }
        } catch { throw ExitCode(error.ending.rawValue) }
        throw ExitCode(await daemon.run().rawValue)
    }

    static func main() async { await runAsDaemon() }
}

extension MortalGadgetTree.Counting: ExpressibleByArgument {}
