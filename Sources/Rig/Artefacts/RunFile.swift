import Foundation
package import Reports
package import RunLog
import Sharding

/// What a results file, an event log or the record of one run holds.
package struct RunFile: Sendable {
    package let path: String
    /// What the shard was to do; `nil` in a file that no shard wrote.
    package var header: ShardHeader?
    /// `nil` where a shard's file lacks its last line.
    package var end: ShardEnd?
    package var runs: [RunSummary] = []
    package var skipped: [SkippedRun] = []
    /// Whole runs with their events, where they were asked for.
    package var records: [RunRecord] = []

    /// Whether a shard was killed while it wrote.
    package var isCutShort: Bool { header != nil && end == nil }

    private static let portionByteCount = 1 << 20

    /// - Parameter keepsEvents: fills ``records`` too, which takes memory.
    /// - Throws: when the file cannot be read or is of another kind. A last line that was cut off in the
    ///   middle is no error: a run or shard that was killed leaves one, and is reported as such.
    package static func read(_ path: String, keepsEvents: Bool = false) throws(ArtefactError) -> RunFile {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw ArtefactError(path, "cannot be opened", "check the path and its mode")
        }
        defer { try? handle.close() }
        var assembly = RunAssembly(path: path, keepsEvents: keepsEvents)
        var rest = Data()
        while true {
            let portion: Data?
            do { portion = try handle.read(upToCount: portionByteCount) } catch {
                throw ArtefactError(path, "cannot be read: \(error.localizedDescription)", "is it a file?")
            }
            guard let portion, !portion.isEmpty else { break }
            rest.append(portion)
            while let end = rest.firstIndex(of: 0x0A) {
                try assembly.feed(rest[rest.startIndex..<end], isWhole: true)
                rest = rest[(end + 1)...]
            }
            rest = Data(rest)
            guard rest.count <= RunLineDecoder.maximumLineLength else {
                throw ArtefactError(
                    path, "has a line of more than \(RunLineDecoder.maximumLineLength >> 20) MiB",
                    "give a results file, an event log or a run folder")
            }
        }
        try assembly.feed(rest, isWhole: false)
        return try assembly.finish()
    }
}

/// Puts runs together from their lines.
private struct RunAssembly {
    private var file: RunFile
    private let keepsEvents: Bool
    private let decoder = RunLineDecoder()
    private var lineNumber = 0
    private var open: RunRecord?

    init(path: String, keepsEvents: Bool) {
        file = RunFile(path: path)
        self.keepsEvents = keepsEvents
    }

    /// - Parameter isWhole: false for what stands after the last line feed.
    mutating func feed(_ bytes: Data, isWhole: Bool) throws(ArtefactError) {
        lineNumber += 1
        guard bytes.contains(where: { $0 != 0x20 && $0 != 0x0D }) else { return }
        let line: RunLine
        do { line = try decoder.decode(bytes) } catch {
            // The end of a file whose writer was killed; a file without any line of ours is another matter.
            if !isWhole, file.header != nil || open != nil || !file.runs.isEmpty { return }
            throw fault(error.description)
        }
        switch line {
        case .shard(let header):
            guard file.header == nil, file.runs.isEmpty, open == nil else {
                throw fault("a second shard begins in the same file")
            }
            file.header = header
        case .run(let identity):
            closeWithoutVerdict()
            open = RunRecord(identity)
        case .event(let event):
            guard open != nil else { throw fault("an event stands before any run") }
            open?.events.append(event)
        case .verdict(let record): try close(record)
        case .summary(let summary): file.runs.append(summary)
        case .skipped(let skipped): file.skipped.append(skipped)
        case .end(let end): file.end = end
        }
    }

    mutating func finish() throws(ArtefactError) -> RunFile {
        closeWithoutVerdict()
        guard file.header != nil || !file.runs.isEmpty || !file.skipped.isEmpty else {
            throw ArtefactError(
                file.path, "holds no run", "give a results file, an event log or a run folder")
        }
        return file
    }

    private mutating func close(_ verdict: RunRecord) throws(ArtefactError) {
        guard let opened = open, RunName(opened.identity) == RunName(verdict.identity) else {
            throw fault("a verdict stands without its run")
        }
        var record = verdict
        record.identity = opened.identity
        record.events = opened.events
        open = nil
        keep(record)
    }

    /// The log of a run that was killed: its events are worth having, but it cannot count as passed.
    private mutating func closeWithoutVerdict() {
        guard var record = open else { return }
        open = nil
        record.verdict = .broken
        let last = record.events.last
        record.violations = [
            Violation(
                "log without a verdict", at: last?.time ?? .zero,
                "the run's process ended after event \(last?.number ?? -1) without a word: killed, or out of memory?"
            )
        ]
        record.virtualNanoseconds = last?.nanoseconds ?? 0
        keep(record)
    }

    private mutating func keep(_ record: RunRecord) {
        file.runs.append(RunSummary(record))
        if keepsEvents { file.records.append(record) }
    }

    private func fault(_ cause: String) -> ArtefactError {
        ArtefactError(
            file.path, line: lineNumber, cause, "give a results file, an event log or a run folder")
    }
}
