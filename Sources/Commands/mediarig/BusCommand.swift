import ArgumentParser
import BusServer
import Foundation
import Glibc

struct BusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bus", abstract: "Runs the message bus alone, for any D-Bus program.",
        discussion: """
            The first line of output is the bus's address, as DBUS_SYSTEM_BUS_ADDRESS and \
            DBUS_SESSION_BUS_ADDRESS want it. The bus runs until SIGINT or SIGTERM.
            """)

    @Option(name: .customLong("unix"), help: "Socket to listen on; a new one under /tmp by default.")
    var path: String?

    @Flag(help: "Also let in clients that do not say who they are.")
    var anonymous = false

    @Flag(help: "Take over a socket file that nobody listens on.")
    var replace = false

    // What dbus-daemon is called with, so that its place can be taken.
    @Option(name: .customLong("config-file"), help: .hidden) var configurationFile: String?
    @Option(name: .customLong("address"), help: .hidden) var address: String?
    @Option(name: .customLong("print-address"), defaultAsFlag: 1, help: .hidden) var addressDescriptor: CInt?
    @Option(name: .customLong("print-pid"), defaultAsFlag: 1, help: .hidden) var processDescriptor: CInt?
    @Flag(name: .customLong("nofork"), help: .hidden) var staysInForeground = false
    @Flag(name: .customLong("nopidfile"), help: .hidden) var writesNoProcessFile = false
    @Flag(name: .customLong("nosyslog"), help: .hidden) var writesNoSystemLog = false
    @Flag(name: .customLong("systemd-activation"), help: .hidden) var leavesStartingToSystemd = false
    @Flag(name: .customLong("session"), help: .hidden) var isSession = false

    func run() throws {
        // A client that hangs up early must not end the bus.
        signal(SIGPIPE, SIG_IGN)
        // Whoever started us may have these blocked, and then they would never end us.
        var stopSignals = sigset_t()
        sigemptyset(&stopSignals)
        sigaddset(&stopSignals, SIGINT)
        sigaddset(&stopSignals, SIGTERM)
        pthread_sigmask(SIG_UNBLOCK, &stopSignals, nil)
        let stop = StopSignals()
        let host: BusHost
        do {
            host = try BusHost(try busConfiguration())
        } catch {
            FileHandle.standardError.write(Data("mediarig bus: \(error)\n".utf8))
            throw ExitCode(2)
        }
        print(host.addresses.joined(separator: ";"), to: addressDescriptor ?? 1)
        if let processDescriptor { print("\(getpid())", to: processDescriptor) }
        stop.wait()
        host.stop()
    }

    private func busConfiguration() throws -> BusConfiguration {
        var configuration: BusConfiguration
        if let configurationFile {
            let text = try String(contentsOfFile: configurationFile, encoding: .utf8)
            configuration = try BusConfiguration(xml: text)
        } else {
            configuration = BusConfiguration(listen: ["unix:tmpdir=/tmp"])
        }
        if let address { configuration.listen = [address] }
        if let path {
            // The address is for clients elsewhere in the file system.
            let absolute =
                path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
            configuration.listen = [BusConfiguration.address(ofPath: absolute)]
        }
        if anonymous { configuration.options.mechanisms = [.external, .anonymous] }
        if replace { configuration.replacesStaleSockets = true }
        return configuration
    }

    private func print(_ line: String, to descriptor: CInt) {
        let bytes = Array(line.utf8) + [UInt8(ascii: "\n")]
        _ = write(descriptor, bytes, bytes.count)
    }
}
