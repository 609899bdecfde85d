import ArgumentParser
import DaemonShell
@preconcurrency import Glibc
import RedfishDaemon

@main
struct RedfishdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redfishd",
        abstract: "Redfish and images over WebSockets, in front of a virtual media service on D-Bus.",
        discussion: """
            Runs until SIGTERM or SIGINT, and takes the media that clients serve from the host then. SIGHUP reads the \
            configuration and the certificate again. See docs/redfishd.md.

            Exit status: 0 ended when asked; 1 something needed is not to be had, or ended at a second signal; \
            2 usage or configuration.
            """)

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "The configuration, JSON; /etc/redfishd.json by default, which need not be there.",
            valueName: "file"))
    var configurationFile: String?

    @Flag(help: "Read the configuration, say what is wrong with it, and end.")
    var check = false

    @Option(help: "Address to listen on; every one by default.")
    var address: String?

    @Option(help: "Port to listen on; 443 by default, 0 for any.")
    var port: Int?

    @Option(
        help: ArgumentHelp(
            "The bus the service is on; the system bus by default (DBUS_SYSTEM_BUS_ADDRESS).",
            valueName: "address"))
    var bus: String?

    @Option(
        help: ArgumentHelp(
            "For accounts, settings and a certificate of its own; /var/lib/redfishd by default.",
            valueName: "folder"))
    var state: String?

    @Option(help: ArgumentHelp("PEM file of the certificate to show, with its chain.", valueName: "file"))
    var certificate: String?

    @Option(help: ArgumentHelp("PEM file of its private key.", valueName: "file"))
    var key: String?

    @Option(help: ArgumentHelp("The first account, made when there never was one.", valueName: "name"))
    var user: String?

    @Option(
        help: ArgumentHelp(
            "File or pipe with its password in the first line; made up by default, and kept in the state folder.",
            valueName: "file"))
    var passwordFile: String?

    @Option(help: "Least level of what is logged: error, warning, notice, info, debug.")
    var logLevel = LogLevel.info

    func validate() throws {
        guard (certificate == nil) == (key == nil) else {
            throw ValidationError("--certificate and --key belong together.")
        }
        guard (0...65_535).contains(port ?? 0) else { throw ValidationError("--port: 0 to 65535.") }
    }

    func run() async throws {
        umask(0o077)
        let options = self
        let daemon: RedfishDaemon
        do throws(DaemonFailure) {
            daemon = try RedfishDaemon(
                SettingsSource(file: configurationFile) { options.override(&$0) }, supervisor: Supervisor(),
                log: DaemonLog("redfishd", level: logLevel))
        } catch { throw ExitCode(error.ending.rawValue) }
        if check { return }
        throw ExitCode(await daemon.run().rawValue)
    }

    private func override(_ settings: inout RedfishDaemonSettings) {
        if let address { settings.address = address }
        if let port { settings.port = port }
        if let bus { settings.bus = .address(bus) }
        if let state { settings.stateFolder = state }
        if let certificate { (settings.certificateFile, settings.keyFile) = (certificate, key) }
        if let user { settings.userName = user }
        settings.passwordFile = passwordFile
        settings.logLevel = logLevel
    }

    static func main() async { await runAsDaemon() }
}

extension LogLevel: ExpressibleByArgument {}
