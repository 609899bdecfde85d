import ArgumentParser
import EmulatedFleet
import Foundation
import HTTPTransport
import LinuxPlatform
import Verification
import VirtualMedia

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Runs an emulated BMC with its front, to play with or to test tools against.",
        discussion: """
            The real virtual media service, Redfish and the WebSocket proxy, around a kernel and a host in \
            memory. Prints where everything is, and runs until SIGINT or SIGTERM.

              mediarig up                       # a free port, a password made up
              mediarig up -p 8443 --state ~/.mediarig --slots 8 --bus /tmp/bus
              mediarig up --fleet 100 -p 9000   # 100 independent BMCs on consecutive ports
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("Address to listen on.", valueName: "address"))
    var interface = "127.0.0.1"

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Port to listen on; 0 picks a free one.", valueName: "port"))
    var port = 0

    @Option(help: ArgumentHelp("Mount points as OpenBMC's virtual-media.json has them.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp("How many slots, half Proxy, half Legacy, without --config.", valueName: "number"))
    var slots = 4

    @Option(help: ArgumentHelp("How many independent BMCs, on consecutive ports.", valueName: "number"))
    var fleet = 1

    @Option(
        help: ArgumentHelp(
            "Folder for the certificate, so that it stays the same; a new private one by default.",
            valueName: "folder"))
    var state: String?

    @Option(help: ArgumentHelp("Name of the administrator.", valueName: "name"))
    var user = "admin"

    @Option(
        help: ArgumentHelp(
            """
            File with the administrator's password in its first line; MEDIARIG_PASSWORD has it otherwise, or it \
            is made up and printed.
            """, valueName: "file"))
    var passwordFile: String?

    @Option(help: ArgumentHelp("Let other programs onto the message bus, at this socket.", valueName: "path"))
    var bus: String?

    @Option(
        defaultAsFlag: "127.0.0.1:\(EmulatedBMC.usualUSBIPPort)",
        help: ArgumentHelp(
            "Export the drives over USB/IP, for hosts with `usbip attach`, in place of emulated hosts. Nobody is asked who they are.",
            valueName: "host:port"))
    var usbip: String?

    @Option(
        help: ArgumentHelp(
            "Trust the certificates in this PEM file when an image is opened.", valueName: "file"))
    var cafile: String?

    @Flag(help: "Have the hosts read each medium from its first block to its last, and print how fast.")
    var hostsRead = false

    @Flag(help: "Print one line of JSON instead of text.")
    var json = false

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port: 0 to 65535, not \(port).") }
        guard (1...SlotLayout.maximumSlots).contains(slots) else {
            throw ValidationError("--slots: 1 to \(SlotLayout.maximumSlots), not \(slots).")
        }
        guard (1...Self.maximumFleet).contains(fleet) else {
            throw ValidationError("--fleet: 1 to \(Self.maximumFleet), not \(fleet).")
        }
        guard port == 0 || port + fleet - 1 <= 65_535 else {
            throw ValidationError("--fleet: not so many ports after \(port).")
        }
        if fleet > 1, usbip != nil { throw ValidationError("--usbip is for one BMC, not for a fleet.") }
        if let usbip, ServeCommand.address(usbip) == nil {
            throw ValidationError("--usbip: HOST:PORT, not \(usbip).")
        }
        if usbip != nil, hostsRead {
            throw ValidationError("--hosts-read: with --usbip there are none here.")
        }
        if fleet > 1, bus != nil { throw ValidationError("--bus is for one BMC, not for a fleet.") }
    }

    private static let maximumFleet = 4096
    private static let madeUpPasswordCharacters = 20

    func run() async throws {
        let stopSignals = StopSignals()
        Console.prepare()
        let (folder, isOwn) = try stateFolder()
        var commons: FleetCommons?
        var running: [EmulatedFront] = []
        do {
            let (password, isMadeUp) = try givenPassword()
            let files = IdentityFolder(path: folder.path)
            let identity = try files.identity(names: [interface, "localhost", "127.0.0.1", "::1"].uniqued())
            try OpenFileLimit.raise(atLeast: OpenFileLimit.forThisProgram + fleet * Self.filesPerBMC)
            let shared = try FleetCommons(
                identity: identity,
                passwordCost: fleet > 1 ? Self.fleetPasswordCost : FleetCommons.usualPasswordCost, bmcs: fleet
            )
            commons = shared
            let plans = try (0..<fleet).map { number in
                var plan = EmulatedFront.Plan(media: try media(number, in: folder.path), password: password)
                (plan.host, plan.port) = (interface, port == 0 ? 0 : port + number)
                (plan.userName, plan.busPath, plan.imageAuthorities) = (user, bus, cafile)
                plan.usbipAddress = usbip.flatMap(ServeCommand.address)
                if hostsRead { plan.hostReads = { [json] in Self.announce($0, "bmc\(number)", json) } }
                return plan
            }
            running = try await EmulatedFront.start(plans, sharing: shared)
            announce(running, password: isMadeUp ? password : nil, files)
        } catch {
            Console.complain("\(error)")
            await commons?.stop()
            if isOwn { PrivateFolder.removeAll() }
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        }
        stopSignals.wait()
        await EmulatedFront.stop(running)
        await commons?.stop()
        if isOwn { PrivateFolder.removeAll() }
    }

    /// Each of a fleet checks its own passwords; with the usual cost a thousand of them would take minutes.
    private static let fleetPasswordCost = 8
    /// The listener of each, a few clients and a medium or two.
    private static let filesPerBMC = 8

    // MARK: What is given

    private struct Folder {
        var path: String
        /// Keeps a private one.
        var owner: PrivateFolder?
    }

    private func stateFolder() throws -> (Folder, isOwn: Bool) {
        guard let state else {
            let made = try refusing { () throws(SystemError) in try PrivateFolder() }
            return (Folder(path: made.path, owner: made), true)
        }
        do {
            try FileManager.default.createDirectory(
                atPath: state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            Console.complain("--state: \(error.localizedDescription)")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
        return (Folder(path: state), false)
    }

    private func givenPassword() throws -> (String, isMadeUp: Bool) {
        if let passwordFile {
            guard let text = try? String(contentsOfFile: passwordFile, encoding: .utf8),
                let line = text.split(separator: "\n", omittingEmptySubsequences: false).first, !line.isEmpty
            else { throw Refusal("--password-file: \(passwordFile) has no password in its first line") }
            return (String(line), false)
        }
        if let password = ProcessInfo.processInfo.environment["MEDIARIG_PASSWORD"], !password.isEmpty {
            return (password, false)
        }
        // Without characters that look alike.
        let characters = Array("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
        var random = SystemRandomNumberGenerator()
        let made = (0..<Self.madeUpPasswordCharacters).map { _ in characters.randomElement(using: &random)! }
        return (String(made), true)
    }

    private func media(_ number: Int, in folder: String) throws -> MediaConfiguration {
        guard let config else {
            let sockets = "\(folder)/bmc\(number)"
            try FileManager.default.createDirectory(
                atPath: sockets, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            return SlotLayout.slots(slots, socketsIn: sockets)
        }
        guard let text = FileManager.default.contents(atPath: config) else {
            throw Refusal("--config: cannot read \(config)")
        }
        let result = ConfigurationReader.read(Array(text), file: config)
        guard let configuration = result.configuration else {
            throw Refusal(result.issues.map(\.description).joined(separator: "\n"))
        }
        return configuration
    }

    // MARK: What is said

    private struct Announcement: Encodable {
        var urls: [String]
        var user: String
        /// Only where it was made up.
        var password: String?
        var authority: String
        var bus: String?
        var usbip: String?
    }

    private func announce(_ running: [EmulatedFront], password: String?, _ files: IdentityFolder) {
        let host = interface.contains(":") ? "[\(interface)]" : interface
        let announcement = Announcement(
            urls: running.map { "https://\(host):\($0.port)" }, user: user, password: password,
            authority: files.authorityPath, bus: running.first?.busAddress,
            usbip: running.first?.usbipAddress?.description)
        if json { return Self.printJSON(announcement) }
        print("page       \(announcement.urls.first ?? "")/")
        print("front      \(announcement.urls.first ?? "")/redfish/v1")
        if running.count > 1 { print("and so on  \(announcement.urls.last ?? "")/redfish/v1") }
        print("user       \(user)")
        if let password { print("password   \(password)") }
        print("authority  \(files.authorityPath)")
        if let bus = announcement.bus { print("bus        \(bus)") }
        if let usbip = announcement.usbip {
            let port = usbip.split(separator: ":").last ?? ""
            print("usbip      \(usbip): usbip -t \(port) list -r \(interface), once an image is inserted")
        }
        print("stop with Ctrl-C")
    }
}

extension UpCommand {
    private struct ReadLine: Encodable {
        var bmc: String
        var readBytes: UInt64
        var seconds: Double
        var failure: String?
    }

    private static func announce(_ read: HostRead, _ bmc: String, _ json: Bool) {
        guard !json else {
            return printJSON(
                ReadLine(
                    bmc: bmc, readBytes: read.byteCount, seconds: read.seconds, failure: read.failure))
        }
        let rate = Int((Double(read.byteCount) / max(read.seconds, 1e-9) / 1e6).rounded())
        print(
            "\(bmc)       host read \(read.byteCount) bytes at \(rate) MB/s"
                + (read.failure.map { ", then: \($0)" } ?? ""))
    }

    private static func printJSON(_ value: some Encodable) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if let line = try? encoder.encode(value) { print(String(decoding: line, as: UTF8.self)) }
    }
}

extension [String] {
    fileprivate func uniqued() -> [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
