import ArgumentParser
import Foundation
import RunLog
import Runs
import Scenarios
import Weaknesses

struct WeaknessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weaknesses", abstract: "Shows which mistakes of a service a scenario finds.",
        discussion: """
            Puts known mistakes of virtual media services back into the one under test, one at a time, and \
            looks for the first seed that finds each: its run fails with the mistake and passes without. For \
            testing the tester; the service on a BMC cannot be given a weakness.

            Exit status: 0 when every one was found; 1 when not.
            """)

    @Argument(help: ArgumentHelp("A scenario file or name.", valueName: "scenario"))
    var scenario = "standard-mix"

    @Option(help: ArgumentHelp("Only this weakness; may be repeated.", valueName: "name"))
    var only: [Weakness] = []

    @Option(help: ArgumentHelp("Seeds to try.", valueName: "A..B"))
    var seeds = SeedRange(argument: "1..2000")!

    @Option(help: ArgumentHelp("Hunts at the same time; a core each is best.", valueName: "count"))
    var jobs: Int?

    @Flag(help: "Do not make what was found smaller.")
    var noMinimising = false

    @Option(help: ArgumentHelp("Write each minimised run there, as a scenario.", valueName: "folder"))
    var output: String?

    func validate() throws {
        if let jobs, !(1...Campaign.maximumJobs).contains(jobs) {
            throw ValidationError("--jobs wants 1 to \(Campaign.maximumJobs).")
        }
    }

    func run() throws {
        var hunt = WeaknessHunt(try ScenarioArgument.load(scenario).scenario, seeds: seeds.range)
        hunt.minimises = !noMinimising
        hunt.jobs = jobs ?? ProcessInfo.processInfo.activeProcessorCount
        let missed = MissedCount()
        let output = self.output
        print("| weakness | first seed | found by | faults | minimised to | runs of the minimiser |")
        print("|---|---|---|---|---|---|")
        hunt.run(only.isEmpty ? Weakness.allCases : only) { outcome in
            print(Self.row(outcome))
            fflush(nil)
            guard let find = outcome.find else { return missed.add() }
            guard let output, let minimised = find.minimised else { return }
            let text =
                "# fails with weakness \(find.weakness.rawValue): \(find.violation.name): "
                + "\(find.violation.detail)\n" + ScenarioDocument.yaml(of: minimised.scenario.scenario)
            let file = "\(output)/\(find.weakness.rawValue).yaml"
            do { try text.write(toFile: file, atomically: true, encoding: .utf8) } catch {
                Console.complain("\(file): \(error.localizedDescription)")
            }
        }
        if missed.count > 0 { throw ExitCode(RunVerdict.wrong.exitCode) }
    }

    private static func row(_ outcome: WeaknessHunt.Outcome) -> String {
        let name = "`\(outcome.weakness.rawValue)`"
        guard let find = outcome.find else {
            let unsound = outcome.unsoundCount > 0 ? ", \(outcome.unsoundCount) fail without it too" : ""
            return "| \(name) | not in \(outcome.seedCount)\(unsound) | | | | |"
        }
        let small =
            find.minimised.map { result in
                let scenario = result.scenario.scenario
                let faults = scenario.faults.map(\.kind).joined(separator: ", ")
                return "\(scenario.faults.count) faults\(faults.isEmpty ? "" : " (\(faults))"), "
                    + "\(scenario.steps.count) steps | \(result.runCount)"
            } ?? "– | –"
        let detail = find.violation.detail.replacing("|", with: "/").prefix(120)
        return
            "| \(name) | \(find.seed) | \(find.violation.name): \(detail) | \(find.faultCount) | \(small) |"
    }
}

extension Weakness: ExpressibleByArgument {}

/// How many weaknesses were not found.
private final class MissedCount: @unchecked Sendable {
    // Changed by one thread at a time, and read after all.
    private(set) var count = 0
    func add() { count += 1 }
}
