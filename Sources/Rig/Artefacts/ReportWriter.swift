import Foundation
package import Reports
import RunLog
import Synchronization

/// Where the results of a regression, or of one shard of it, go. Nothing is written where a path is `nil`.
package struct ReportDestination: Sendable {
    /// Results file, summary page and run folders.
    package var artefacts: String?
    package var junit: String?
    /// Whether runs that passed get a folder too; sensible for a few runs.
    package var keepsPassed = false
    /// Folders of runs; later ones are in the results file only.
    package var maximumFolders = 200
    /// Date and time for JUnit, as ISO 8601 has it, with the zone.
    package var startedAt: String?
    /// The catalogue's faults and all states a slot has, for the coverage table.
    package var knownFaults: [String] = []
    package var knownStates: [String] = []

    package init(artefacts: String? = nil, junit: String? = nil) {
        self.artefacts = artefacts
        self.junit = junit
    }
}

/// Takes runs as they end, in any order and from any thread, and keeps on disk what is known so far: a process
/// that is killed leaves all it had finished.
///
///     let writer = try ReportWriter(destination, header)
///     try writer.add(RunArtefacts(record, scenario: text, resolvedFaults: json))
///     let regression = try writer.finish()
///     print(RegressionText.render(regression)); exit(regression.verdict.exitCode)
package final class ReportWriter: Sendable {
    private struct State {
        var results: FileHandle?
        var runs: [RunSummary] = []
        var skipped: [SkippedRun] = []
        var latencies: [LaneLatency] = []
        var folderCount = 0
        var foldersLeftOut = 0
    }
    private let destination: ReportDestination
    private let header: ShardHeader
    private let resultsPath: String?
    private let state: Mutex<State>

    /// - Throws: when the artefacts' folder or results file cannot be made.
    package init(_ destination: ReportDestination, _ header: ShardHeader) throws(ArtefactError) {
        self.destination = destination
        self.header = header
        var state = State()
        if let folder = destination.artefacts {
            try FileWriting.makeFolder(folder)
            let path = "\(folder)/\(Self.resultsName(header))"
            let line = RunLineEncoder().encode(.shard(header), of: Self.nobody)
            try FileWriting.write(line, to: path)
            guard let handle = FileHandle(forWritingAtPath: path), (try? handle.seekToEnd()) != nil else {
                throw ArtefactError(path, "cannot be opened for writing", "check its mode")
            }
            state.results = handle
            resultsPath = path
        } else {
            resultsPath = nil
        }
        self.state = Mutex(state)
    }

    deinit { state.withLock { try? $0.results?.close() } }

    /// Shards may share a folder: each has a file of its own.
    package static func resultsName(_ header: ShardHeader) -> String {
        header.shard.count == 1
            ? "results.jsonl" : "results-\(header.shard.index)-of-\(header.shard.count).jsonl"
    }

    static func pageName(_ header: ShardHeader) -> String {
        header.shard.count == 1 ? "index.html" : "shard-\(header.shard.index)-of-\(header.shard.count).html"
    }

    /// Lines that say themselves which run they are of.
    private static let nobody = RunName(RunIdentity(scenario: "", seed: 0, world: ""))

    /// - Returns: the run's folder, where it got one.
    @discardableResult
    package func add(_ run: RunArtefacts) throws(ArtefactError) -> String? {
        var summary = RunSummary(run.record)
        var folder: String?
        if let parent = destination.artefacts, takesFolder(run.record.verdict) {
            try FileWriting.makeFolder("\(parent)/runs")
            let path = try ArtefactFolder.write(run, under: "\(parent)/runs")
            summary.page = "runs/\(ArtefactFolder.name(of: summary.name))/index.html"
            folder = path
        }
        // Hundreds of thousands of histograms would be gigabytes: only their sum is kept.
        let latencies = summary.latencies
        summary.latencies = []
        try append(.summary(summary)) { state in
            state.runs.append(summary)
            LaneLatency.add(latencies, to: &state.latencies)
        }
        return folder
    }

    package func skip(_ skipped: SkippedRun) throws(ArtefactError) {
        try append(.skipped(skipped)) { $0.skipped.append(skipped) }
    }

    /// Closes the results file and writes JUnit and the summary page.
    ///
    /// - Parameter stoppedEarly: why not all runs took place: "time limit of 600 s".
    package func finish(stoppedEarly: String? = nil) throws(ArtefactError) -> Regression {
        let (runs, skipped, latencies) = state.withLock { ($0.runs, $0.skipped, $0.latencies) }
        try append(
            .end(ShardEnd(runCount: runs.count, stoppedEarly: stoppedEarly, latencies: latencies))
        ) { state in
            try? state.results?.close()
            state.results = nil
        }
        var notes = stoppedEarly.map { ["stopped after \(Figures.count(runs.count, "run")): \($0)"] } ?? []
        let left = foldersLeftOut
        if left > 0 {
            notes.append("\(Figures.count(left, "run")) got no folder, because there were too many")
        }
        let regression = Regression(
            runs, skipped: skipped, notes: notes, latencies: latencies, knownFaults: destination.knownFaults,
            knownStates: destination.knownStates)
        if let folder = destination.artefacts {
            try FileWriting.write(
                Array(RegressionPage.render(regression).utf8), to: "\(folder)/\(Self.pageName(header))")
        }
        if let junit = destination.junit {
            let text = JUnitReport.render(regression.runs, skipped: skipped, startedAt: destination.startedAt)
            try FileWriting.write(Array(text.utf8), to: junit)
        }
        return regression
    }

    /// Runs that failed, or were to be kept, without a folder because there were too many.
    package var foldersLeftOut: Int { state.withLock { $0.foldersLeftOut } }

    private func takesFolder(_ verdict: RunVerdict) -> Bool {
        guard verdict != .passed || destination.keepsPassed else { return false }
        return state.withLock { state in
            if state.folderCount < destination.maximumFolders {
                state.folderCount += 1
                return true
            }
            state.foldersLeftOut += 1
            return false
        }
    }

    /// One write per line, so that lines of several threads never mix.
    private func append(_ line: RunLine, then change: (inout State) -> Void) throws(ArtefactError) {
        let bytes = RunLineEncoder().encode(line, of: Self.nobody)
        let failure: String? = state.withLock { state in
            do { try state.results?.write(contentsOf: Data(bytes)) } catch { return FileWriting.words(error) }
            change(&state)
            return nil
        }
        if let failure {
            throw ArtefactError(
                resultsPath ?? "results", "cannot be written: \(failure)", "check the room on the disk")
        }
    }
}
