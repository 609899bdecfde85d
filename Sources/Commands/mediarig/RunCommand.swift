import ArgumentParser
import Artefacts
import FaultPlan
import Foundation
import RealTime
import Reports
import RunLog
import Runs
import Scenarios
import Sharding
import SimulatedTime
import Synchronization
import Weaknesses

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs scenarios, once or over many seeds.",
        discussion: """
            A scenario is a file, or the name of one that is shipped (`mediarig scenario list`). The same \
            scenario with the same seed gives the same run; what fails is run again to make sure, and its \
            artefacts hold all it takes to replay it.

            Exit status, the worst of all runs: 0 as expected; 1 wrong data or a broken invariant; 2 usage or \
            scenario error; 3 stuck or past a deadline; 4 not deterministic; 5 a fault never fired or nothing \
            was read; 6 the machine lacks something.
            """)

    @Argument(help: ArgumentHelp("Scenario files or names.", valueName: "scenario"))
    var scenarios: [String]

    @Option(help: "Where to run: sim, emulated or kernel.")
    var world = Scenario.World.sim

    @Option(
        help: ArgumentHelp(
            "With --world kernel: boot this rig and run there; without, this machine's kernel is used.",
            valueName: "rig"))
    var rig: String?

    @Option(
        help: ArgumentHelp(
            "With --world kernel: the service. Default: virtual-mediad next to this program.",
            valueName: "program"))
    var daemon: String?

    @Option(help: ArgumentHelp("Run with this seed only.", valueName: "number"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("Run with every seed from A to B.", valueName: "A..B"))
    var seeds: SeedRange?

    @Option(help: ArgumentHelp("Runs at the same time; a core each is best.", valueName: "count"))
    var jobs: Int?

    @Option(
        help: ArgumentHelp(
            "Do part I of N; auto asks the variables of Slurm, Kubernetes or the CI system.", valueName: "I/N"
        ))
    var shard: String?

    @Option(help: ArgumentHelp("Begin no run after so many seconds.", valueName: "seconds"))
    var timeLimit: Int?

    @Option(
        help: ArgumentHelp(
            "Order of ready jobs, in place of the scenario's own: fifo, random, pct:D, delay:N.",
            valueName: "schedule"))
    var schedule: Schedule?

    @Option(
        help: ArgumentHelp(
            "Give the service a known mistake, to see it found; for testing the tester.", valueName: "name"))
    var weakness: Weakness?

    @Option(help: ArgumentHelp("Write JUnit XML here.", valueName: "file"))
    var junit: String?

    @Option(help: ArgumentHelp("Keep results here, and a folder for each failed run.", valueName: "folder"))
    var artifacts: String?

    @Flag(help: "Keep folders of runs that passed, too.")
    var keepPassed = false

    @Flag(help: "Print the table of faults by state of the slot: what fired when.")
    var coverage = false

    @Flag(name: .customLong("require"), help: "Fail with 6 where a run was skipped.")
    var requireAll = false

    @Flag(help: "Print JSON instead of text.")
    var json = false

    func validate() throws {
        if scenarios.isEmpty { throw ValidationError("Name at least one scenario.") }
        if seed != nil, seeds != nil { throw ValidationError("Give --seed or --seeds, not both.") }
        if let jobs, !(1...Campaign.maximumJobs).contains(jobs) {
            throw ValidationError("--jobs wants 1 to \(Campaign.maximumJobs).")
        }
        if let timeLimit, timeLimit < 1 { throw ValidationError("--time-limit wants at least one second.") }
        if world != .sim, schedule != nil {
            throw ValidationError("--schedule is for --world sim: elsewhere the machine decides.")
        }
        if world != .kernel, rig != nil || daemon != nil {
            throw ValidationError("--rig and --daemon are for --world kernel.")
        }
        if keepPassed, artifacts == nil { throw ValidationError("--keep-passed needs --artifacts.") }
    }

    func run() throws {
        let chosen = try scenarios.map(ScenarioArgument.load)
        if let rig { return try RigRun(rig: rig, outputs: [artifacts, junit].compactMap { $0 }).run() }
        let part = try chosenShard()
        let range = seeds?.range ?? (seed ?? 1)...(seed ?? 1)
        let split: WorkSplit
        do { split = try WorkSplit(scenarioCount: chosen.count, seeds: range) } catch {
            throw ValidationError("\(error)")
        }
        let header = ShardHeader(
            shard: part, commit: SourceVersion.commit, world: world.rawValue,
            scenarios: chosen.map(\.scenario.name), seeds: range)
        let writer = try ArtefactFailure.reporting { () throws(ArtefactError) in
            try ReportWriter(destination, header)
        }
        let failure = Mutex<ArtefactError?>(nil)
        let progress = RunProgress(total: split.runCount(of: part))
        let ended = { @Sendable (record: RunRecord, resolved: Scenario.Resolved?) in
            let index = chosen.firstIndex { $0.scenario.name == record.identity.scenario }
            let text = index.map { chosen[$0].text } ?? []
            var record = record
            record.identity.replayCommand = replayCommand(index.map { scenarios[$0] }, record.identity.seed)
            do throws(ArtefactError) {
                try writer.add(RunArtefacts(record, scenario: text, resolvedFaults: Self.faults(resolved)))
            } catch { failure.withLock { $0 = $0 ?? error } }
            progress.ended(record)
        }
        let runs = split.runs(of: part).map { Campaign.Run(chosen[$0.scenario].scenario, seed: $0.seed) }
        let leftOut: Int
        let skip = { @Sendable [world] (run: Campaign.Run, reason: String) in
            do throws(ArtefactError) {
                try writer.skip(
                    SkippedRun(
                        scenario: run.scenario.name, world: world.rawValue, seed: run.seed, reason: reason))
            } catch { failure.withLock { $0 = $0 ?? error } }
        }
        if world != .sim {
            leftOut = try realTime().run(runs) { outcome in
                switch outcome {
                case .ran(let record, let resolved): ended(record, resolved)
                case .skipped(let run, let reason): skip(run, reason)
                }
            }
        } else {
            let (fitting, others) = Self.divided(runs) { $0.scenario.worlds.contains(world) }
            for run in others {
                let worlds = run.scenario.worlds.map(\.rawValue).joined(separator: ", ")
                skip(run, "it is for \(worlds) only")
            }
            leftOut = campaign.run(fitting, ended: ended)
        }
        progress.clear()
        if let error = failure.withLock({ $0 }) { try ArtefactFailure.report(error) }
        let early = leftOut > 0 ? "time limit of \(timeLimit ?? 0) s, \(leftOut) runs left" : nil
        try show(
            ArtefactFailure.reporting { () throws(ArtefactError) in try writer.finish(stoppedEarly: early) })
    }

    private static func divided<Element>(_ all: [Element], _ isMeant: (Element) -> Bool) -> (
        [Element], [Element]
    ) {
        (all.filter(isMeant), all.filter { !isMeant($0) })
    }

    private func replayCommand(_ scenario: String?, _ seed: UInt64) -> String {
        let order = schedule.map { ["--schedule", "\($0)"] } ?? []
        let mistake = weakness.map { ["--weakness", $0.rawValue] } ?? []
        var place = world == .sim ? [] : ["--world", world.rawValue]
        if let daemon { place += ["--daemon", daemon] }
        return ShellWords.line(
            ["mediarig", "run", scenario ?? "", "--seed", "\(seed)"] + place + order + mistake)
    }

    private var destination: ReportDestination {
        var destination = ReportDestination(artefacts: artifacts, junit: junit)
        destination.keepsPassed = keepPassed
        destination.knownFaults = FaultCatalogue.standard.kinds.map(\.name)
        destination.knownStates = ["Ready", "Activating", "Active", "Recovering", "Deactivating"]
        return destination
    }

    private var campaign: Campaign {
        var campaign = Campaign()
        campaign.jobs = jobs ?? ProcessInfo.processInfo.activeProcessorCount
        campaign.timeLimit = timeLimit.map { .seconds($0) }
        campaign.schedule = schedule
        campaign.weakness = weakness
        campaign.commit = SourceVersion.commit
        campaign.keepsEventsOfPassed = keepPassed
        return campaign
    }

    private func realTime() throws -> RealTimeCampaign {
        Interruption.clearsUp()
        var campaign = RealTimeCampaign()
        if world == .kernel {
            campaign.place = .kernel(daemon: try daemon ?? DaemonProgram.besideThis())
        }
        campaign.jobs = jobs ?? RealTimeCampaign.usualJobs
        campaign.timeLimit = timeLimit.map { .seconds($0) }
        campaign.commit = SourceVersion.commit
        campaign.keepsEventsOfPassed = keepPassed
        return campaign
    }

    private func chosenShard() throws -> Shard {
        guard let shard else { return .whole }
        do throws(ShardError) {
            return try ShardEnvironment.shard(shard, environment: ProcessInfo.processInfo.environment)
        } catch { throw ValidationError("\(error)") }
    }

    static func faults(_ resolved: Scenario.Resolved?) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(resolved?.scenario.faults ?? [])).map(Array.init) ?? []
    }

    private func show(_ regression: Reports.Regression) throws {
        if json {
            print(RegressionJSON.text(regression))
        } else {
            print(RegressionText.render(regression, hasColour: Console.isTerminal), terminator: "")
            if coverage { print("\n" + regression.coverage.markdown(), terminator: "") }
        }
        var status = regression.verdict.exitCode
        // What was left out proves nothing, and all of it is as good as no machine.
        if !regression.skipped.isEmpty, regression.runs.isEmpty || (requireAll && status == 0) {
            status = ExitStatus.environmentMissing.rawValue
        }
        if status != 0 { throw ExitCode(status) }
    }
}

/// "1..2000".
struct SeedRange: ExpressibleByArgument {
    let range: ClosedRange<UInt64>

    init?(argument: String) {
        let ends = argument.split(separator: ".", omittingEmptySubsequences: false)
        guard ends.count == 3, ends[1].isEmpty, let first = UInt64(ends[0]), let last = UInt64(ends[2]),
            first <= last
        else { return nil }
        range = first...last
    }
}

extension Scenario.World: ExpressibleByArgument {}

extension Schedule: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
