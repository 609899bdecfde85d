import ArgumentParser
import Artefacts
import FaultPlan
import Foundation
import RealTime
import Reports
import RunLog
import Runs
import Scenarios
import SimulatedTime
import Weaknesses

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Runs a kept run again, and says whether it is the same.",
        discussion: """
            By seed the run is the same to the last step as long as the program is the same; by choices the \
            schedule is kept though the program has changed; by faults those of the kept run are taken as they \
            are, whatever the scenario draws today.

            A run of the emulated world is done again in real time, with the same plan and workload; nothing \
            makes it the same run.

            Exit status: that of the run; 4 where it differs from the kept one.
            """)

    enum Basis: String, ExpressibleByArgument, CaseIterable { case seed, choices, faults }

    @Argument(help: ArgumentHelp("The folder of a run, or a scenario with --seed.", valueName: "folder"))
    var source: String

    @Option(help: ArgumentHelp("Run this scenario with this seed.", valueName: "number"))
    var seed: UInt64?

    @Option(help: "What is kept of the run: seed, choices or faults.")
    var by = Basis.seed

    @Flag(help: "Print every event.")
    var events = false

    @Flag(help: "Print the record as JSON.")
    var json = false

    func run() throws {
        if let seed {
            let scenario = try ScenarioArgument.load(source).scenario
            var campaign = Campaign()
            campaign.keepsEventsOfPassed = events || json
            return try show(campaign.one(Campaign.Run(scenario, seed: seed), number: 1).0, kept: nil)
        }
        let kept = try ArtefactFailure.reporting { () throws(ArtefactError) in
            try ArtefactFolder.read(source)
        }
        var resolved = try KeptRun.resolved(kept, in: source)
        if by == .faults { resolved.scenario.faults = try KeptRun.faults(kept, in: source) }
        guard kept.record.identity.world == Scenario.World.sim.rawValue else {
            return try show(KeptRun.inRealTime(kept, resolved, by: by), kept: nil)
        }
        var run = SimulatedRun(resolved)
        run.commit = SourceVersion.commit
        run.schedule = Schedule(kept.record.identity.schedule)
        if by == .choices { run.schedule = .replay(kept.record.choices) }
        try show(run.record(), kept: by == .seed ? kept.record : nil)
    }

    private func show(_ record: RunRecord, kept: RunRecord?) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(record), as: UTF8.self))
        } else {
            if events { for event in record.events { print(EventText.line(event)) } }
            for violation in record.violations {
                print("\(violation.name) \(violation.slot ?? "-"): \(violation.detail)")
            }
            print(
                "\(record.verdict.rawValue), trace \(Figures.hash(record.traceHash)), \(record.stepCount) steps"
            )
        }
        if let kept, kept.traceHash != record.traceHash {
            Console.complain(
                "not the kept run: its trace was \(Figures.hash(kept.traceHash)) after \(kept.stepCount) steps; "
                    + "kept by commit \(kept.identity.commit), this is \(SourceVersion.commit)")
            throw ExitCode(RunVerdict.notDeterministic.exitCode)
        }
        if record.verdict != .passed { throw ExitCode(record.verdict.exitCode) }
    }
}

struct MinimiseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "minimise", abstract: "Makes a failing run as small as it can be.",
        discussion: """
            Takes away faults, work, slots and steps as long as the run fails in the same way, and prints what \
            is left as a scenario: add it to the regression scenarios.
            """)

    @Argument(help: ArgumentHelp("The folder of a run that failed.", valueName: "folder"))
    var source: String

    @Option(help: ArgumentHelp("The mistake that the service was given.", valueName: "name"))
    var weakness: Weakness?

    @Option(help: ArgumentHelp("Write the scenario here, too.", valueName: "file"))
    var output: String?

    func run() throws {
        let kept = try ArtefactFailure.reporting { () throws(ArtefactError) in
            try ArtefactFolder.read(source)
        }
        guard kept.record.identity.world == Scenario.World.sim.rawValue else {
            Console.complain(
                "only runs of the sim world can be made smaller: each try has to be the same run")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
        let resolved = try KeptRun.resolved(kept, in: source)
        let weakness = self.weakness
        let wanted = FailureKind(WeaknessHunt.record(resolved, weakness))
        guard wanted.verdict != .passed else {
            Console.complain("the run passes now: there is nothing to make smaller")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
        let minimiser = Minimiser { candidate in
            FailureKind(WeaknessHunt.record(candidate, weakness)) == wanted
        }
        guard let result = minimiser.minimise(resolved) else {
            Console.complain("the run does not fail in the same way each time")
            throw ExitCode(RunVerdict.notDeterministic.exitCode)
        }
        let text =
            "# fails with: \(wanted)\n# seed \(result.scenario.seed), found in \(result.runCount) runs\n"
            + result.reductions.map { "# \($0)\n" }.joined()
            + ScenarioDocument.yaml(of: result.scenario.scenario)
        print(text, terminator: "")
        if let output {
            do { try text.write(toFile: output, atomically: true, encoding: .utf8) } catch {
                Console.complain("\(output): \(error.localizedDescription)")
                throw ExitCode(ExitStatus.environmentMissing.rawValue)
            }
        }
    }
}

enum KeptRun {
    /// What a folder's run was made of, every choice made.
    static func resolved(_ kept: RunArtefacts, in folder: String) throws -> Scenario.Resolved {
        do throws(ScenarioDocumentError) {
            let scenario = try ScenarioDocument.read(
                String(decoding: kept.scenario, as: UTF8.self), file: "\(folder)/scenario.yaml")
            return try scenario.resolve(seed: kept.record.identity.seed)
        } catch {
            Console.complain("\(error)")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
    }
}

extension KeptRun {
    /// - Throws: an exit with 2 for what cannot be kept there, with 6 where the world lacks something.
    static func inRealTime(
        _ kept: RunArtefacts, _ resolved: Scenario.Resolved, by basis: ReplayCommand.Basis
    ) throws -> RunRecord {
        guard kept.record.identity.world == Scenario.World.emulated.rawValue, basis != .choices else {
            Console.complain("a run of the \(kept.record.identity.world) world has no choices to go by")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
        let missing = EmulatedCapabilities.missing(for: resolved.scenario)
        guard missing.isEmpty else {
            Console.complain(missing.joined(separator: "; "))
            throw ExitCode(ExitStatus.environmentMissing.rawValue)
        }
        Interruption.clearsUp()
        var run = RealTimeRun(resolved)
        run.commit = SourceVersion.commit
        return run.recordBlocking()
    }

    /// As they were resolved when the run was made.
    static func faults(_ kept: RunArtefacts, in folder: String) throws -> [Fault] {
        do { return try JSONDecoder().decode([Fault].self, from: Data(kept.resolvedFaults)) } catch {
            Console.complain("\(folder)/faults.json: \(error)")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
    }
}

enum EventText {
    static func line(_ event: RunEvent) -> String {
        let seconds = Double(event.nanoseconds) / 1e9
        let parts = [
            "\(seconds)", event.lane.rawValue, event.slot ?? "-", event.name, event.detail ?? "",
            event.hasSucceeded ? "" : "(failed)",
        ]
        return parts.filter { !$0.isEmpty }.joined(separator: " ")
    }
}
