import Foundation
package import Reports
package import RunLog

/// All there is to know of one run, and what it takes to run it again.
package struct RunArtefacts: Equatable, Sendable {
    package var record: RunRecord
    /// The scenario as it was given, byte for byte.
    package var scenario: [UInt8]
    /// The faults with every choice made, as JSON.
    package var resolvedFaults: [UInt8]

    package init(_ record: RunRecord, scenario: [UInt8], resolvedFaults: [UInt8]) {
        self.record = record
        self.scenario = scenario
        self.resolvedFaults = resolvedFaults
    }
}

/// A run as a folder:
///
///     scenario.yaml   as it was given
///     seed            in decimal
///     faults.json     the faults with every choice made
///     choices.txt     the scheduler's choices
///     events.jsonl    identity, events, verdict
///     lanes/*.log     the events of each lane, for reading
///     index.html      the run's page
///     replay.sh       runs it again
package enum ArtefactFolder {
    package static let maximumScenarioByteCount = 4 << 20
    package static let maximumFaultsByteCount = 64 << 20
    package static let maximumChoices = 16 << 20
    /// The end of a longer log is kept, because that is where the failure is.
    package static let maximumLaneLogByteCount = 4 << 20
    static let maximumNameLength = 60

    /// A name of letters, digits, dots, dashes and underscores, the same for the same run and different for
    /// different ones.
    package static func name(of run: RunName) -> String {
        let scenario = safe(run.scenario)
        let world = safe(run.world)
        let isAsWritten = scenario == run.scenario && world == run.world
        let mark = isAsWritten ? "" : "-\(digest("\(run.scenario)\u{0}\(run.world)"))"
        return "\(scenario)-\(world)\(mark)-seed-\(run.seed)"
    }

    private static func safe(_ text: String) -> String {
        var safe = ""
        for scalar in text.unicodeScalars.prefix(maximumNameLength) {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_": safe.unicodeScalars.append(scalar)
            case ".", "-": safe += safe.isEmpty ? "_" : String(scalar)
            default: safe += "_"
            }
        }
        return safe.isEmpty ? "_" : safe
    }

    /// FNV-1a, half of it: tells apart names that look alike once they are safe.
    private static func digest(_ text: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(Figures.hash(hash).prefix(8))
    }

    /// Writes a run's folder under `parent`, in place of one of the same run.
    ///
    /// - Returns: the folder's path. It is whole whenever it is there.
    package static func write(_ run: RunArtefacts, under parent: String) throws(ArtefactError) -> String {
        try check(run)
        let name = name(of: RunName(run.record.identity))
        let path = "\(parent)/\(name)"
        let unfinished = "\(parent)/.\(name).\(ProcessInfo.processInfo.processIdentifier).new"
        try? FileManager.default.removeItem(atPath: unfinished)
        do throws(ArtefactError) {
            try FileWriting.makeFolder("\(unfinished)/lanes")
            try writeFiles(run, to: unfinished)
            try replace(path, with: unfinished)
        } catch {
            try? FileManager.default.removeItem(atPath: unfinished)
            throw error
        }
        return path
    }

    private static func check(_ run: RunArtefacts) throws(ArtefactError) {
        let identity = run.record.identity
        if run.scenario.count > maximumScenarioByteCount || run.resolvedFaults.count > maximumFaultsByteCount
            || run.record.choices.count > maximumChoices
        {
            throw ArtefactError(
                "\(RunName(identity))",
                "is too large for a folder: a scenario has at most "
                    + "\(maximumScenarioByteCount >> 20) MiB, resolved faults \(maximumFaultsByteCount >> 20) MiB, "
                    + "a run \(maximumChoices) choices", "make the run shorter")
        }
    }

    private static func writeFiles(_ run: RunArtefacts, to folder: String) throws(ArtefactError) {
        let record = run.record
        try FileWriting.write(run.scenario, to: "\(folder)/scenario.yaml")
        try FileWriting.write(Array("\(record.identity.seed)\n".utf8), to: "\(folder)/seed")
        try FileWriting.write(run.resolvedFaults, to: "\(folder)/faults.json")
        try FileWriting.write(ChoiceText.encode(record.choices), to: "\(folder)/choices.txt")
        var log: [UInt8] = []
        RunLineEncoder().encode(record) { log += $0 }
        try FileWriting.write(log, to: "\(folder)/events.jsonl")
        for (lane, text) in LaneLog.logs(record.events, limit: maximumLaneLogByteCount) {
            try FileWriting.write(text, to: "\(folder)/lanes/\(lane.rawValue).log")
        }
        try FileWriting.write(Array(RunPage.render(record).utf8), to: "\(folder)/index.html")
        try FileWriting.write(ReplayScript.text(record.identity), to: "\(folder)/replay.sh")
        chmod("\(folder)/replay.sh", 0o755)
    }

    /// A folder with something in it cannot be renamed over, so the old one is moved aside first.
    private static func replace(_ path: String, with unfinished: String) throws(ArtefactError) {
        let old = "\(unfinished).old"
        // Another process may put the same run there in between; it is the same run.
        for _ in 0..<3 {
            if rename(unfinished, path) == 0 { return }
            guard errno == ENOTEMPTY || errno == EEXIST else { break }
            if rename(path, old) == 0 { try? FileManager.default.removeItem(atPath: old) }
        }
        throw ArtefactError(
            path, "cannot be put in place: \(String(cString: strerror(errno)))", "is something else there?")
    }

    /// - Parameter path: the folder of a run.
    /// - Throws: naming the file that is missing, damaged or of another run.
    package static func read(_ path: String) throws(ArtefactError) -> RunArtefacts {
        let remedy = "give a run folder as mediarig writes it"
        let file = try RunFile.read("\(path)/events.jsonl", keepsEvents: true)
        guard file.records.count == 1, var record = file.records.first else {
            throw ArtefactError("\(path)/events.jsonl", "holds \(file.records.count) runs, not one", remedy)
        }
        let seed = try FileWriting.read("\(path)/seed", limit: 64)
        guard String(decoding: seed, as: UTF8.self) == "\(record.identity.seed)\n" else {
            throw ArtefactError("\(path)/seed", "is not the seed of events.jsonl", "restore the folder")
        }
        let choices = try FileWriting.read("\(path)/choices.txt", limit: maximumChoices * 11)
        guard let decoded = ChoiceText.decode(choices) else {
            throw ArtefactError(
                "\(path)/choices.txt", "holds something else than numbers", "restore the folder")
        }
        record.choices = decoded
        return RunArtefacts(
            record, scenario: try FileWriting.read("\(path)/scenario.yaml", limit: maximumScenarioByteCount),
            resolvedFaults: try FileWriting.read("\(path)/faults.json", limit: maximumFaultsByteCount))
    }
}

/// The scheduler's choices as text: numbers, sixteen to a line, so that two logs can be compared.
enum ChoiceText {
    private static let choicesPerLine = 16

    static func encode(_ choices: [UInt32]) -> [UInt8] {
        var text: [UInt8] = []
        for (index, choice) in choices.enumerated() {
            text += "\(choice)".utf8
            let endsLine = (index + 1).isMultiple(of: choicesPerLine) || index == choices.count - 1
            text.append(UInt8(ascii: endsLine ? "\n" : " "))
        }
        return text
    }

    /// - Returns: `nil` for anything but numbers of 32 bits.
    static func decode(_ text: [UInt8]) -> [UInt32]? {
        var choices: [UInt32] = []
        var number: UInt32?
        for byte in text + [UInt8(ascii: "\n")] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let (tens, isTooLarge) = (number ?? 0).multipliedReportingOverflow(by: 10)
                let (sum, hasOverflown) = tens.addingReportingOverflow(UInt32(byte - UInt8(ascii: "0")))
                guard !isTooLarge, !hasOverflown else { return nil }
                number = sum
            case UInt8(ascii: " "), UInt8(ascii: "\n"):
                if let complete = number { choices.append(complete) }
                number = nil
            default: return nil
            }
        }
        return choices
    }
}

/// One command to run it again, wherever the folder was copied to.
enum ReplayScript {
    static func text(_ identity: RunIdentity) -> [UInt8] {
        // Text of the record stands in comments only, one line each: this file runs nothing but mediarig.
        let told = ["\(RunName(identity)), commit \(identity.commit)", identity.replayCommand]
            .filter { !$0.isEmpty }.map { "# \(PlainText.oneLine($0))\n" }.joined()
        let script = """
            #!/bin/sh
            \(told)exec "${MEDIARIG:-mediarig}" replay "$(dirname -- "$0")" "$@"

            """
        return Array(script.utf8)
    }
}
