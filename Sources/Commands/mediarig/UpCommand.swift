import ArgumentParser
import EmulatedFleet
import Foundation
import FrontPlatform
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
            "Folder for accounts, settings and certificate, so that they stay; by default they go with this process.",
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
        help: ArgumentHelp(
            "Trust the certificates in this PEM file when an image is opened.", valueName: "file"))
    var cafile: String?

    @Flag(help: "Have the hosts read each medium from its first block to its last once it is there.")
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
        if fleet > 1, bus != nil { throw ValidationError("--bus is for one BMC, not for a fleet.") }
    }

    private static let maximumFleet = 4096

    func run() async throws {
        let stopSignals = StopSignals()
        Console.prepare()
        let (folder, isOwn) = try stateFolder()
        let threads = WebThreads()
        var running: [EmulatedFront] = []
        do {
            let kept = state == nil ? nil : try StateFolder(at: folder.path)
            let (password, isMadeUp) = try await givenPassword(kept)
            let files = IdentityFolder(path: folder.path)
            let identity = try files.identity(names: [interface, "localhost", "127.0.0.1", "::1"].uniqued())
            for number in 0..<fleet {
                var plan = EmulatedFront.Plan(media: try media(number, in: folder.path), password: password)
                (plan.host, plan.port) = (interface, port == 0 ? 0 : port + number)
                (plan.userName, plan.busPath, plan.imageAuthorities) = (user, bus, cafile)
                plan.hostsReadMedia = hostsRead
                // BMCs of a fleet have nothing in common, not even their accounts.
                plan.state =
                    fleet == 1 ? kept : try kept.map { try StateFolder(at: "\($0.path)/bmc\(number)") }
                if fleet > 1 { plan.passwordCost = Self.fleetPasswordCost }
                running.append(
                    try await EmulatedFront.start(
                        plan, name: "bmc\(number)", identity: identity, threads: threads))
            }
            announce(running, password: isMadeUp ? password : nil, files)
        } catch {
            Console.complain("\(error)")
            for one in running { await one.stop() }
            if isOwn { PrivateFolder.removeAll() }
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        }
        stopSignals.wait()
        for one in running { await one.stop() }
        await threads.stop()
        if isOwn { PrivateFolder.removeAll() }
    }

    /// Each of a fleet checks its own passwords; with the usual cost a thousand of them would take minutes.
    private static let fleetPasswordCost = 8

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

    private func givenPassword(_ kept: StateFolder?) async throws -> (String, isMadeUp: Bool) {
        if let passwordFile {
            guard let text = try? String(contentsOfFile: passwordFile, encoding: .utf8),
                let line = text.split(separator: "\n", omittingEmptySubsequences: false).first, !line.isEmpty
            else { throw Refusal("--password-file: \(passwordFile) has no password in its first line") }
            return (String(line), false)
        }
        if let password = ProcessInfo.processInfo.environment["MEDIARIG_PASSWORD"], !password.isEmpty {
            return (password, false)
        }
        guard let kept else { return (MadeUpPassword.text(), true) }
        // The same at each start; whoever has changed it since knows better.
        return (try await kept.initialPassword().password, true)
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
    }

    private func announce(_ running: [EmulatedFront], password: String?, _ files: IdentityFolder) {
        let host = interface.contains(":") ? "[\(interface)]" : interface
        let announcement = Announcement(
            urls: running.map { "https://\(host):\($0.port)" }, user: user, password: password,
            authority: files.authorityPath, bus: running.first?.busAddress)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            if let line = try? encoder.encode(announcement) { print(String(decoding: line, as: UTF8.self)) }
            return
        }
        print("page       \(announcement.urls.first ?? "")/")
        print("front      \(announcement.urls.first ?? "")/redfish/v1")
        if running.count > 1 { print("and so on  \(announcement.urls.last ?? "")/redfish/v1") }
        print("user       \(user)")
        if let password { print("password   \(password)") }
        print("authority  \(files.authorityPath)")
        if let bus = announcement.bus { print("bus        \(bus)") }
        print("stop with Ctrl-C")
    }
}

extension [String] {
    fileprivate func uniqued() -> [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
