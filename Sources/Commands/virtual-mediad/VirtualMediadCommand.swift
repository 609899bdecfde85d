import ArgumentParser
import DaemonShell
@preconcurrency import Glibc
import KernelDevices
import MediaDaemon
import VirtualMedia

@main
struct VirtualMediadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "virtual-mediad",
        abstract: "Shows images to a host as USB media, for clients on D-Bus.",
        discussion: """
            Runs until SIGTERM or SIGINT, and takes every medium down then; what a killed process left is \
            taken down by the next start. SIGHUP reads the configuration again. See docs/virtual-mediad.md.

            Exit status: 0 ended when asked; 1 no bus name, or ended at a second signal; 2 usage or \
            configuration.
            """)

    @Option(name: .customLong("config"), help: "The configuration, in OpenBMC's format.")
    var configurationFile = DaemonSettings().configurationFile

    @Flag(help: "Read the configuration, say what is wrong with it, and end.")
    var check = false

    @Option(help: "The bus to serve on; the system bus by default (DBUS_SYSTEM_BUS_ADDRESS).")
    var address: String?

    @Flag(help: "Serve on the session bus (DBUS_SESSION_BUS_ADDRESS).")
    var session = false

    @Option(help: "The bus name to take.")
    var name = DaemonSettings().busName

    @Option(
        help: "How to reach the nbd driver: netlink, or ioctl, which cannot survive the loss of a server.")
    var nbd = KernelNBDDriver.Mode.netlink

    @Option(
        name: .customLong("cafile"), help: "PEM file of the authorities to trust for https:// images.")
    var caFile: String?

    @Option(
        name: .customLong("capath"), help: "Folder of hashed certificates to trust for https:// images.")
    var caFolder: String?

    @Flag(help: "Let callers name files of this machine: whoever may mount can then read any of them.")
    var allowLocalFiles = false

    @Option(help: "Where what hosts write to https:// images is kept while they are mounted.")
    var scratch = DaemonSettings().scratchFolder

    @Option(help: "Least level of what is logged: error, warning, notice, info, debug.")
    var logLevel = LogLevel.info

    func validate() throws {
        guard address == nil || !session else { throw ValidationError("--address or --session, not both") }
    }

    func run() async throws {
        umask(0o077)
        var settings = DaemonSettings()
        settings.configurationFile = configurationFile
        settings.bus = address.map { .address($0) } ?? (session ? .session : .system)
        settings.busName = name
        settings.nbdMode = nbd
        settings.https.caFile = caFile
        settings.https.caDirectory = caFolder
        settings.allowsLocalFiles = allowLocalFiles
        settings.scratchFolder = scratch
        settings.logLevel = logLevel
        let daemon: VirtualMediaDaemon
        do throws(DaemonFailure) {
            daemon = try VirtualMediaDaemon(
                settings, supervisor: Supervisor(), log: DaemonLog("virtual-mediad", level: logLevel))
        } catch { throw ExitCode(error.ending.rawValue) }
        if check { return }
        throw ExitCode(await daemon.run().rawValue)
    }

    static func main() async { await runAsDaemon() }
}

extension KernelNBDDriver.Mode: ExpressibleByArgument {}

extension LogLevel: ExpressibleByArgument {}
