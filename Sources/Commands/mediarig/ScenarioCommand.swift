import ArgumentParser
import Foundation
import Scenarios

struct ScenarioCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenario", abstract: "Checks, lists and shows scenarios.",
        subcommands: [Check.self, List.self, Show.self, Schema.self, Reference.self])

    /// - Throws: an exit with 2 where there is none.
    static func library() throws -> ScenarioLibrary {
        let library = ScenarioLibrary.shipped(
            program: (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "",
            workingFolder: FileManager.default.currentDirectoryPath)
        guard let library else {
            Console.complain("no folder scenarios here or above: name a file instead")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
        return library
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what is wrong with scenario files: file, line, column, and what would be right.")

        @Argument(help: "YAML or JSON files.")
        var files: [String]

        @Flag(help: "Print the problems as JSON.")
        var json = false

        func run() throws {
            var failures: [ScenarioDocumentError] = []
            for file in files {
                do { _ = try ScenarioLibrary.scenario(atPath: file) } catch { failures.append(error) }
            }
            if json {
                try printJSON(failures)
            } else {
                for failure in failures { print(failure) }
                let problems = failures.reduce(0) { $0 + $1.problems.count }
                let found = problems == 1 ? "1 problem" : "\(problems) problems"
                print("\(files.count - failures.count) of \(files.count) good, \(found)")
            }
            if !failures.isEmpty { throw ExitCode(ExitStatus.usage.rawValue) }
        }

        private struct FileReport: Encodable {
            let file: String
            let problems: [ScenarioProblem]
        }

        private func printJSON(_ failures: [ScenarioDocumentError]) throws {
            let reports = files.map { file in
                FileReport(file: file, problems: failures.first { $0.file == file }?.problems ?? [])
            }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(reports), as: UTF8.self))
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the scenarios that are shipped.")

        @Option(help: ArgumentHelp("Only those with this tag.", valueName: "tag"))
        var tag: String?

        func run() throws {
            let library = try ScenarioCommand.library()
            for file in library.files {
                let scenario = try ScenarioCommand.reading { () throws(ScenarioDocumentError) in
                    try library.scenario(file)
                }
                if let tag, !scenario.tags.contains(tag) { continue }
                print("\(file.dropLast(".yaml".count)): \(scenario.description)")
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a scenario as it is run for one seed, everything drawn.")

        @Argument(help: "A scenario that is shipped, or a file.")
        var name: String

        @Option(help: "Decides what is drawn.")
        var seed: UInt64 = 1

        @Flag(help: "Print JSON instead of YAML.")
        var json = false

        func run() throws {
            let resolved = try ScenarioCommand.reading { () throws(ScenarioDocumentError) in
                try find().resolve(seed: seed)
            }
            if json {
                print(ScenarioDocument.json(of: resolved.scenario), terminator: "")
            } else {
                print("# seed \(seed)")
                for draw in resolved.draws { print("# drawn: \(draw)") }
                print(ScenarioDocument.yaml(of: resolved.scenario), terminator: "")
            }
        }

        private func find() throws(ScenarioDocumentError) -> Scenario {
            if FileManager.default.fileExists(atPath: name) {
                return try ScenarioLibrary.scenario(atPath: name)
            }
            guard let library = try? ScenarioCommand.library(), let file = library.file(named: name) else {
                throw ScenarioDocumentError(
                    file: name,
                    [ScenarioProblem(nil, path: "", "no such scenario; `mediarig scenario list` has them")])
            }
            return try library.scenario(file)
        }
    }

    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the JSON Schema of scenarios, for editors.")
        func run() { print(ScenarioSchema.text, terminator: "") }
    }

    struct Reference: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints every key of a scenario as Markdown, as in docs/scenarios.md.")
        func run() { print(ScenarioReference.markdown, terminator: "") }
    }

    /// - Throws: an exit with 2 after the complaint.
    static func reading<Result>(_ body: () throws(ScenarioDocumentError) -> Result) throws -> Result {
        do { return try body() } catch {
            Console.complain("\(error)")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
    }
}
