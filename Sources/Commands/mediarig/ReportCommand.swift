import ArgumentParser
import Artefacts
import Foundation
import Reports

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Joins and shows results of runs.",
        subcommands: [MergeCommand.self, PageCommand.self])
}

struct MergeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge", abstract: "Joins the results of shards into one report.",
        discussion: """
            Says what is missing: shards that did not write, were cut short or are there twice, and runs that \
            are there twice. Ends with the verdict of the whole, as `run` does; with 6 where results are missing.

              mediarig report merge artifacts/ --junit junit.xml --html index.html
            """)

    @Argument(help: ArgumentHelp("Results files, event logs, or folders of --artifacts.", valueName: "path"))
    var paths: [String]

    @Option(help: ArgumentHelp("Write JUnit XML here.", valueName: "file"))
    var junit: String?

    @Option(help: ArgumentHelp("Write the summary page here; it links to the runs' own.", valueName: "file"))
    var html: String?

    @Flag(help: "Print the table of faults by state, as Markdown, after the summary.")
    var coverage = false

    @Flag(help: "Print JSON instead of text.")
    var json = false

    func run() async throws {
        let regression = try refusing {
            let pageFolder = html.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }
            return try ResultsMerge.join(
                ResultsMerge.files(paths).map { try RunFile.read($0) }, pageFolder: pageFolder)
        }
        if let junit {
            try writing {
                try ReportFile.write(
                    JUnitReport.render(regression.runs, skipped: regression.skipped), to: junit)
            }
        }
        if let html { try writing { try ReportFile.write(RegressionPage.render(regression), to: html) } }
        if json {
            print(RegressionJSON.text(regression))
        } else {
            print(RegressionText.render(regression, hasColour: Console.isTerminal), terminator: "")
            if coverage { print("\n" + regression.coverage.markdown(), terminator: "") }
        }
        let status = regression.verdict.exitCode
        if status != 0 { throw ExitCode(status) }
    }
}

struct PageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "html", abstract: "Makes the page of one run, or of a results file.",
        discussion: """
            A run folder or its events.jsonl gives the run's page, a results file the summary of its runs. One \
            file, which fetches nothing.

              mediarig report html runs/boot-sim-seed-7 --output page.html
            """)

    @Argument(help: ArgumentHelp("A run folder, an event log or a results file.", valueName: "path"))
    var path: String

    @Option(help: ArgumentHelp("Where to write; standard output by default.", valueName: "file"))
    var output: String?

    func run() async throws {
        let page = try refusing { try ReportFile.page(of: path, for: output) }
        if let output {
            try writing { try ReportFile.write(page, to: output) }
        } else {
            print(page, terminator: "")
        }
    }
}

/// Turns a report that cannot be written into text and exit code 6.
private func writing(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch {
        Console.complain("\(error)")
        throw ExitCode(ExitStatus.environmentMissing.rawValue)
    }
}
