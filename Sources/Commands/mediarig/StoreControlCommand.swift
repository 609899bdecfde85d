import ArgumentParser
import FaultPlan
import Foundation
import StoreService

struct StoreControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ctl", abstract: "Controls a store that runs.",
        subcommands: [
            Add.self, Remove.self, List.self, Heal.self, Crash.self, Restart.self, Log.self, Metrics.self,
            Status.self, SMB.self,
        ])

    /// Which store.
    struct Target: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "Where the store is controlled: PORT, 127.0.0.1:PORT or a path. Default: this user's socket.",
                valueName: "address"))
        var control: String?

        /// Sends one request and prints what comes back.
        ///
        /// - Throws: an exit with 2 when the store refuses, with 6 when none answers.
        func send(_ request: ControlRequest) throws {
            guard let address = control.map({ ControlAddress($0) }) ?? ControlAddress.standard() else {
                throw ValidationError("Name the store with --control PORT or --control PATH.")
            }
            let answer: (status: Int, body: String)
            do throws(StoreFailure) {
                answer = try ControlClient(address).send(request)
            } catch {
                Console.complain(error.description)
                throw ExitCode(ExitStatus.environmentMissing.rawValue)
            }
            guard answer.status < 300 else {
                Console.complain(Self.reason(answer.body))
                throw ExitCode(ExitStatus.usage.rawValue)
            }
            print(answer.body, terminator: answer.body.hasSuffix("\n") || answer.body.isEmpty ? "" : "\n")
        }

        private static func reason(_ body: String) -> String {
            struct Refusal: Decodable { let error: String }
            return (try? JSONDecoder().decode(Refusal.self, from: Data(body.utf8)))?.error ?? body
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds faults: those of a file, or one that the options describe.",
            discussion: """
                  mediarig store ctl add faults.yaml
                  mediarig store ctl add --kind store.errno --set errno=EIO --operation read --trigger 'nth 3'
                """)

        @OptionGroup var target: Target

        @Argument(help: "JSON or YAML: a fault, a list, or a plan; - reads standard input.")
        var file: String?

        @Option(
            help: ArgumentHelp(
                "The fault's name in the catalogue; see `mediarig store faults`.", valueName: "kind"))
        var kind: String?

        @Option(help: ArgumentHelp("A parameter of the fault; repeatable.", valueName: "name=value"))
        var set: [String] = []

        @Option(help: ArgumentHelp("A name of your own for it.", valueName: "name"))
        var name: String?

        @Option(help: ArgumentHelp("Only these operations; repeatable.", valueName: "operation"))
        var operation: [String] = []

        @Option(help: ArgumentHelp("Only this file, or pattern of files: *.iso.", valueName: "pattern"))
        var image: String?

        @Option(help: ArgumentHelp("Only these bytes: 0..<4096, 4096..., sectors 0..<8.", valueName: "range"))
        var bytes: String?

        @Option(help: ArgumentHelp("When: always, nth 3, every 5, p 0.01, at 2s …", valueName: "trigger"))
        var trigger: String?

        @Option(help: ArgumentHelp("How long it stays active: 250ms, 2s, 1min.", valueName: "duration"))
        var duration: String?

        @Option(help: ArgumentHelp("How often it fires at most.", valueName: "count"))
        var times: Int?

        func validate() throws {
            guard (file == nil) != (kind == nil) else { throw ValidationError("Give a file, or --kind.") }
            for pair in set where !pair.contains("=") {
                throw ValidationError("--set wants NAME=VALUE, not '\(pair)'.")
            }
        }

        func run() throws {
            try target.send(ControlRequest("POST", "/faults", body: text()))
        }

        private func text() throws -> [UInt8] {
            guard let kind else { return try fileText() }
            var fault = Fault(kind, identifier: name ?? "")
            for pair in set {
                let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let parameter = String(words[0])
                fault.parameters[parameter] = FaultText.value(String(words[1]), for: parameter, of: kind)
            }
            fault.select.operations = operation
            fault.select.target = image
            fault.budget.times = times
            if let bytes { fault.select.bytes = try Self.read(bytes, "--bytes", ByteSpan.init) }
            if let trigger { fault.trigger = try Self.read(trigger, "--trigger", Trigger.init) }
            if let duration { fault.duration = try Self.read(duration, "--duration", DurationText.parse) }
            return Array(try JSONEncoder().encode(fault))
        }

        private static func read<Value>(_ text: String, _ option: String, _ parse: (String) -> Value?) throws
            -> Value
        {
            guard let value = parse(text) else { throw ValidationError("\(option): '\(text)' is none.") }
            return value
        }

        private func fileText() throws -> [UInt8] {
            let path = file ?? "-"
            let data =
                path == "-"
                ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: path)
            guard let data else {
                Console.complain("cannot read the faults in \(path)")
                throw ExitCode(ExitStatus.usage.rawValue)
            }
            return Array(data)
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes faults away.")
        @OptionGroup var target: Target

        @Argument(help: "The fault's name, as `list` shows it.")
        var name: String?

        @Flag(help: "Take all of them away.")
        var all = false

        func validate() throws {
            guard all == (name == nil) else { throw ValidationError("Give a name, or --all.") }
        }

        func run() throws {
            let name = name?.addingPercentEncoding(withAllowedCharacters: .alphanumerics)
            try target.send(ControlRequest("DELETE", name.map { "/faults/\($0)" } ?? "/faults"))
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the faults that are there, and how often each fired.")
        @OptionGroup var target: Target
        func run() throws { try target.send(ControlRequest("GET", "/faults")) }
    }

    struct Heal: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes all faults away, lets go what hangs, gives every image its own content and size."
        )
        @OptionGroup var target: Target
        func run() throws { try target.send(ControlRequest("POST", "/heal")) }
    }

    struct Crash: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Crashes the store: unsynced writes are lost, and nobody is answered until a restart.")
        @OptionGroup var target: Target

        @Option(
            help: ArgumentHelp(
                "Unsynced writes of each file, oldest first, that survive.", valueName: "count"))
        var survivors = 0

        func run() throws {
            try target.send(ControlRequest("POST", "/crash", query: ["survivors": "\(survivors)"]))
        }
    }

    struct Restart: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets a crashed store answer again; files that were open are stale.")
        @OptionGroup var target: Target
        func run() throws { try target.send(ControlRequest("POST", "/restart")) }
    }

    struct Log: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the latest operations, as lines of JSON.")
        @OptionGroup var target: Target

        @Option(help: ArgumentHelp("How many.", valueName: "count"))
        var last = 100

        func run() throws { try target.send(ControlRequest("GET", "/log", query: ["last": "\(last)"])) }
    }

    struct Metrics: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the metrics in Prometheus's text form.")
        @OptionGroup var target: Target
        func run() throws { try target.send(ControlRequest("GET", "/metrics")) }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Says what is up, and how it is, as JSON.")
        @OptionGroup var target: Target
        func run() throws { try target.send(ControlRequest("GET", "/status")) }
    }

    struct SMB: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "smb", abstract: "Halts, resumes, kills or starts the SMB server as a whole.")
        @OptionGroup var target: Target

        enum Deed: String, ExpressibleByArgument, CaseIterable { case pause, resume, kill, start }

        @Argument(help: "pause, resume, kill or start.")
        var deed: Deed

        func run() throws { try target.send(ControlRequest("POST", "/smb/\(deed.rawValue)")) }
    }
}
