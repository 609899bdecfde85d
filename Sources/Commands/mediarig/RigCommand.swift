import ArgumentParser
import Foundation
import VirtualMachine

struct RigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rig", abstract: "Runs commands on a machine with real nbd, gadgets and USB.",
        discussion: """
            A rig is a folder with `rig.yaml`, or the name of one that is shipped (`mediarig rig list`). \
            The guest of `dummy-hcd-vm` sees this machine's files at the same paths; what it writes there is \
            forgotten, except in folders named with --share.

              mediarig rig run dummy-hcd-vm -- uname -a
              mediarig rig up dummy-hcd-vm && mediarig rig shell dummy-hcd-vm
            """,
        subcommands: [
            RigRunCommand.self, RigUpCommand.self, RigShellCommand.self, RigDownCommand.self,
            RigListCommand.self,
        ])
}

/// What all commands with a machine to boot have in common.
struct RigOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The rig: a name, or a folder with rig.yaml.", valueName: "rig"))
    var rig: String

    @Option(
        help: ArgumentHelp(
            "Let the guest write to this folder, at its path; repeatable.", valueName: "folder"))
    var share: [String] = []

    @Option(
        help: ArgumentHelp(
            "Lead a port of 127.0.0.1 to one of the guest; repeatable.", valueName: "outside:inside"))
    var forward: [String] = []

    @Option(
        help: "The guest's network: none, restricted (only what is forwarded) or open (10.0.2.2 is here).")
    var network: MachineDefinition.Network?

    @Option(help: "How the processor is done: tcg (by program), kvm, or auto.")
    var accelerator: MachineDefinition.Accelerator?

    @Option(help: ArgumentHelp("Boot this kernel; goes with --modules.", valueName: "file"))
    var kernel: String?

    @Option(help: ArgumentHelp("Its modules: what is /lib/modules/RELEASE.", valueName: "folder"))
    var modules: String?

    @Option(help: ArgumentHelp("Give up a boot after so long.", valueName: "seconds"))
    var bootDeadline = Int(RunningMachine.bootLimit.components.seconds)

    @Flag(help: "Show what the guest says on its console.")
    var verbose = false

    mutating func validate() throws {
        if (kernel == nil) != (modules == nil) {
            throw ValidationError("--kernel and --modules go together.")
        }
        if bootDeadline < 1 { throw ValidationError("--boot-deadline wants at least one second.") }
        for text in forward where MachinePlan.PortForward(text) == nil {
            throw ValidationError("--forward wants OUTSIDE:INSIDE, two ports: '\(text)'.")
        }
    }

    var options: RigStation.Options {
        var options = RigStation.Options()
        if let kernel, let modules { options.kernel = (kernel, modules) }
        options.shares = share
        options.forwards = forward.compactMap(MachinePlan.PortForward.init)
        options.network = network
        options.accelerator = accelerator
        options.bootLimit = .seconds(bootDeadline)
        if verbose { options.console = { bytes in FileHandle.standardError.write(Data(bytes)) } }
        return options
    }

    func definition() throws(RigFailure) -> RigDefinition {
        try RigStation.definition(rig, library: Self.library)
    }

    /// The folder `rigs` that goes with the program: above the working folder, or above the program itself.
    static var library: String {
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        for start in [FileManager.default.currentDirectoryPath, program] {
            var folder = URL(fileURLWithPath: start)
            while folder.path != "/" {
                let library = folder.appendingPathComponent("rigs").path
                if FileManager.default.fileExists(atPath: "\(library)/dummy-hcd-vm/rig.yaml") {
                    return library
                }
                folder.deleteLastPathComponent()
            }
        }
        return "rigs"
    }

    static func station() throws(RigFailure) -> RigStation {
        try RigStation(environment: ProcessInfo.processInfo.environment)
    }

    /// - Throws: an exit with the status that goes with the failure, which is said.
    static func reporting<Value>(_ body: () throws(RigFailure) -> Value) throws -> Value {
        do { return try body() } catch {
            Console.complain("\(error)")
            throw ExitCode(status(of: error))
        }
    }

    static func status(of failure: RigFailure) -> Int32 {
        switch failure.kind {
        case .usage: ExitStatus.usage.rawValue
        case .environment: ExitStatus.environmentMissing.rawValue
        case .late: ExitStatus.notLive.rawValue
        }
    }
}

extension MachineDefinition.Network: ExpressibleByArgument {}
extension MachineDefinition.Accelerator: ExpressibleByArgument {}

struct RigRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs a command on a rig, and ends with its exit status.",
        discussion: """
            On a rig that is up the command runs there; otherwise one is booted for it and goes off again. \
            Standard input, output and error are the command's. SIGINT and SIGTERM are passed on.

            Exit status: that of the command; 2 for a wrong rig or command; 3 where something was not over in \
            time; 6 where the rig could not be had.
            """)

    @OptionGroup var rig: RigOptions

    @Option(help: ArgumentHelp("Give up the command after so long.", valueName: "seconds"))
    var deadline: Int?

    @Option(help: ArgumentHelp("Run it there. Default: this folder.", valueName: "folder"))
    var folder: String?

    @Option(
        help: ArgumentHelp(
            "Set this for the command, or pass it on as it is here; repeatable.", valueName: "name[=value]"))
    var env: [String] = []

    @Argument(parsing: .postTerminator, help: "The command and its arguments, after --.")
    var command: [String] = []

    func validate() throws {
        if command.isEmpty { throw ValidationError("Say what to run, after --.") }
        if let deadline, deadline < 1 { throw ValidationError("--deadline wants at least one second.") }
    }

    func run() throws {
        let status = try RigOptions.reporting { () throws(RigFailure) in
            let definition = try rig.definition()
            let visit = RigVisit(
                definition: definition, options: rig.options,
                request: RigVisit.request(command, folder: folder, environment: env),
                limit: deadline.map { .seconds($0) })
            return try visit.run(on: RigOptions.station())
        }
        if status != 0 { throw ExitCode(status) }
    }
}

struct RigUpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Boots a rig and leaves it running for `rig run` and `rig shell`.")

    @OptionGroup var rig: RigOptions

    func run() throws {
        try RigOptions.reporting { () throws(RigFailure) in
            let definition = try rig.definition()
            let station = try RigOptions.station()
            guard case .machine(let machine) = definition.place else {
                throw RigFailure(.usage, "\(definition.name) is no virtual machine: it is up when it is on")
            }
            if let state = station.running(definition.name) {
                throw RigFailure(
                    .usage, "\(state.name) is up already; `mediarig rig down \(state.name)` ends it")
            }
            let state = try station.bringUp(definition.name, machine, rig.options)
            print("\(state.name) is up: kernel \(state.kernel), console \(state.console)")
        }
    }
}

struct RigShellCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell", abstract: "Opens a shell on a rig, with this terminal.")

    @OptionGroup var rig: RigOptions

    func run() throws {
        let status = try RigOptions.reporting { () throws(RigFailure) in
            var visit = RigVisit(
                definition: try rig.definition(), options: rig.options,
                request: RigVisit.request(
                    [ProcessInfo.processInfo.environment["SHELL"] ?? "/bin/sh"], folder: nil,
                    environment: ["TERM"]),
                limit: nil)
            visit.usesTerminal = true
            return try visit.run(on: RigOptions.station())
        }
        if status != 0 { throw ExitCode(status) }
    }
}

struct RigDownCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "down", abstract: "Ends a rig that was left running; fine where none runs.")

    @Argument(help: ArgumentHelp("The rig: a name, or a folder with rig.yaml.", valueName: "rig"))
    var rig: String

    func run() throws {
        try RigOptions.reporting { () throws(RigFailure) in
            let definition = try RigStation.definition(rig, library: RigOptions.library)
            try RigOptions.station().takeDown(definition.name)
        }
    }
}

struct RigListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Shows the rigs there are, and which of them run.")

    @Flag(help: "Print JSON instead of text.")
    var json = false

    private struct Entry: Encodable {
        let name: String
        let kind: String
        let features: [String]
        let isUp: Bool
        let kernel: String?
        let console: String?
    }

    func run() throws {
        let entries = try RigOptions.reporting { () throws(RigFailure) in
            let station = try RigOptions.station()
            var entries: [Entry] = []
            for name in RigStation.names(in: RigOptions.library) {
                let definition = try RigStation.definition(name, library: RigOptions.library)
                let state = station.running(name)
                let kind: String
                switch definition.place {
                case .machine: kind = "virtual machine"
                case .network(let service): kind = "ssh \(service.user)@\(service.address):\(service.port)"
                }
                entries.append(
                    Entry(
                        name: name, kind: kind, features: definition.features, isUp: state != nil,
                        kernel: state?.kernel, console: state?.console))
            }
            return entries
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(entries), as: UTF8.self))
            return
        }
        for entry in entries {
            let state = entry.isUp ? "up, kernel \(entry.kernel ?? "")" : "down"
            print("\(entry.name): \(entry.kind), \(state); \(entry.features.joined(separator: " "))")
        }
    }
}

/// The first process of a guest; nothing for people.
struct RigAgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rig-agent", abstract: "Runs commands inside a rig.", shouldDisplay: false)

    func validate() throws {
        if getpid() != 1 { throw ValidationError("rig-agent is the first process of a rig's guest.") }
    }

    func run() throws { GuestAgent.main() }
}
