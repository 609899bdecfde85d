import Foundation
package import Reports
import RunLog
import Sharding

/// Joins the results of shards, and finds what is missing or there twice.
package enum ResultsMerge {
    /// Folders below those given that are searched.
    static let maximumDepth = 8
    static let maximumNamedRuns = 5

    /// What is to be read: files as given; of a folder its results files, or, where it has none, the event logs of
    /// its runs.
    ///
    /// - Throws: for a path that is not there, and for a folder without results.
    package static func files(_ paths: [String]) throws(ArtefactError) -> [String] {
        var files: [String] = []
        for path in paths {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw ArtefactError(path, "is not there", "give results files, or the folder of --artifacts")
            }
            guard isFolder.boolValue else {
                files.append(path)
                continue
            }
            let found = below(path)
            let results = found.filter {
                let name = URL(fileURLWithPath: $0).lastPathComponent
                return name.hasPrefix("results") && name.hasSuffix(".jsonl")
            }
            let taken = results.isEmpty ? found.filter { $0.hasSuffix("/events.jsonl") } : results
            guard !taken.isEmpty else {
                throw ArtefactError(
                    path, "holds neither results*.jsonl nor events.jsonl", "give the folder of --artifacts")
            }
            files += taken
        }
        var seen: Set<String> = []
        return files.filter { seen.insert(URL(fileURLWithPath: $0).standardizedFileURL.path).inserted }
    }

    /// Sorted, so that messages come in the same order every time. Hidden folders are unfinished ones.
    private static func below(_ folder: String) -> [String] {
        guard let walk = FileManager.default.enumerator(atPath: folder) else { return [] }
        var found: [String] = []
        while let name = walk.nextObject() as? String {
            let parts = name.split(separator: "/")
            if parts.count > maximumDepth || parts.last?.hasPrefix(".") == true { walk.skipDescendants() }
            guard name.hasSuffix(".jsonl"), !parts.contains(where: { $0.hasPrefix(".") }) else { continue }
            found.append("\(folder)/\(name)")
        }
        return found.sorted()
    }

    /// - Parameter pageFolder: where the summary page will stand; links to runs are made from there.
    package static func join(
        _ files: [RunFile], pageFolder: String? = nil, knownFaults: [String] = [], knownStates: [String] = []
    ) -> Regression {
        var runs: [RunSummary] = []
        var latencies: [LaneLatency] = []
        for file in files {
            runs += file.runs.map { run in
                var run = run
                run.page = run.page.flatMap { page in
                    PathBetween.folder(pageFolder ?? ".", file: PathBetween.sibling(page, of: file.path))
                }
                return run
            }
            LaneLatency.add(file.end?.latencies ?? [], to: &latencies)
        }
        var problems = ShardCheck(files).problems()
        let unique = withoutDoubles(runs, &problems)
        let notes = files.compactMap { file in
            file.end?.stoppedEarly.map {
                "shard \(file.header?.shard ?? .whole) stopped after \(file.runs.count) runs: \($0)"
            }
        }
        return Regression(
            unique, skipped: skipped(files), problems: problems, notes: notes, latencies: latencies,
            knownFaults: knownFaults, knownStates: knownStates)
    }

    /// Every shard says of each scenario that it was skipped; once is enough.
    private static func skipped(_ files: [RunFile]) -> [SkippedRun] {
        var skipped: [SkippedRun] = []
        for skip in files.flatMap(\.skipped) where !skipped.contains(skip) { skipped.append(skip) }
        return skipped
    }

    private static func withoutDoubles(_ runs: [RunSummary], _ problems: inout [String]) -> [RunSummary] {
        var first: [RunName: RunSummary] = [:]
        var unique: [RunSummary] = []
        var doubles: [String] = []
        var differing: [String] = []
        for run in runs {
            guard let earlier = first[run.name] else {
                first[run.name] = run
                unique.append(run)
                continue
            }
            let isSame = earlier.traceHash == run.traceHash && earlier.verdict == run.verdict
            if isSame { doubles.append("\(run.name)") } else { differing.append("\(run.name)") }
        }
        if !doubles.isEmpty { problems.append("\(told(doubles)) there more than once") }
        if !differing.isEmpty { problems.append("\(told(differing)) there more than once, and not alike") }
        return unique
    }

    /// "a, b and 3 more are"
    private static func told(_ names: [String]) -> String {
        let more = names.count - maximumNamedRuns
        let list = names.prefix(maximumNamedRuns).joined(separator: "; ")
        return more > 0 ? "\(list) and \(more) more are" : "\(list) \(names.count == 1 ? "is" : "are")"
    }
}
