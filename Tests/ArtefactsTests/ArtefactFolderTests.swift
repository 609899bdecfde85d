import Foundation
import Reports
import RunLog
import TestSupport
import Testing

@testable import Artefacts

struct ArtefactFolderTests {
    static func run(seed: UInt64 = 1, events: Int = 200) -> RunArtefacts {
        RunArtefacts(
            RunFileTests.record(seed: seed, events: events), scenario: Array("scenario: boot # ö\n\0".utf8),
            resolvedFaults: Array(#"[{"id":"f1"}]"#.utf8))
    }

    @Test func `what was written is read back whole, choices included`() throws {
        let folder = try TemporaryFolder()
        var run = Self.run(seed: .max)
        run.record.choices = [0, 1, .max, 7]
        let path = try ArtefactFolder.write(run, under: folder.path)
        #expect(path == folder.file("boot-under-stalls-sim-seed-18446744073709551615"))
        #expect(try ArtefactFolder.read(path) == run)
        run.record.choices = []
        run.record.events = []
        run.record.traceHash = 9
        #expect(try ArtefactFolder.write(run, under: folder.path) == path)
        #expect(try ArtefactFolder.read(path) == run)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(left == [URL(fileURLWithPath: path).lastPathComponent])
    }

    @Test func `people find a page, a log per lane and a command`() async throws {
        let folder = try TemporaryFolder()
        let path = try ArtefactFolder.write(Self.run(), under: folder.path)
        let page = try String(contentsOfFile: "\(path)/index.html", encoding: .utf8)
        #expect(page.contains("boot-under-stalls, seed 1"))
        let lanes = try FileManager.default.contentsOfDirectory(atPath: "\(path)/lanes").sorted()
        #expect(
            lanes.contains("host.log") && lanes.contains("fault.log") == false
                && !lanes.contains("scenario.log"))
        let log = try String(contentsOfFile: "\(path)/lanes/dbus.log", encoding: .utf8)
        #expect(log.contains("Slot_0  Mount  https://images.example/installer.iso"))
        // The script calls whatever stands for mediarig, with the folder wherever it is.
        let copy = folder.file("a copy")
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        var script = ForeignProgram("\(copy)/replay.sh", "--json")
        script.environment = ["MEDIARIG": "echo"]
        #expect(try await script.run().output == "replay \(copy) --json\n")
    }

    @Test(
        arguments: [
            "../../etc/passwd", "a/b", "", ".", "..", "-rf", "x y", "ö", "boot\n\0",
            String(repeating: "l", count: 500),
            ".hidden", "$(reboot)", "`reboot`", "CON",
        ])
    func `any scenario name gives a safe folder, and another one than its neighbours`(name: String) throws {
        let folder = try TemporaryFolder()
        var run = Self.run(events: 5)
        run.record.identity.scenario = name
        run.record.identity.replayCommand = "x\nreboot\n$(reboot)"
        let path = try ArtefactFolder.write(run, under: folder.path)
        #expect(try ArtefactFolder.read(path) == run)
        let made = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(made.count == 1)
        let allowed = try Regex("[A-Za-z0-9_][A-Za-z0-9._-]*")
        #expect(try allowed.wholeMatch(in: made[0]) != nil && made[0].utf8.count < 150, "\(made[0])")
        let script = try String(contentsOfFile: "\(path)/replay.sh", encoding: .utf8)
        let commands = script.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(commands.count == 1 && commands[0].hasPrefix("exec \"${MEDIARIG:-mediarig}\" replay"))
        run.record.identity.scenario = name + "?"
        #expect(ArtefactFolder.name(of: RunName(run.record.identity)) != made[0])
    }

    @Test(arguments: ["events.jsonl", "seed", "choices.txt", "faults.json", "scenario.yaml"])
    func `a file that is missing is told by name`(file: String) throws {
        let folder = try TemporaryFolder()
        let path = try ArtefactFolder.write(Self.run(events: 5), under: folder.path)
        try FileManager.default.removeItem(atPath: "\(path)/\(file)")
        let error = #expect(throws: ArtefactError.self) { try ArtefactFolder.read(path) }
        #expect(error?.path == "\(path)/\(file)")
    }

    @Test(
        arguments: [
            ("seed", "2\n"), ("choices.txt", "1 2 x\n"), ("choices.txt", "4294967296\n"),
            ("choices.txt", "-1\n"),
            ("events.jsonl", ""), ("events.jsonl", "{\"type\":\"end\",\"runCount\":0,\"latencies\":[]}\n"),
        ])
    func `a damaged folder is refused`(file: String, text: String) throws {
        let folder = try TemporaryFolder()
        let path = try ArtefactFolder.write(Self.run(events: 5), under: folder.path)
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(file)"))
        let error = #expect(throws: ArtefactError.self) { try ArtefactFolder.read(path) }
        #expect(error?.path == "\(path)/\(file)")
    }

    @Test func `too much is refused before anything is written`() throws {
        let folder = try TemporaryFolder()
        var run = Self.run(events: 5)
        run.scenario = Array(repeating: 0x20, count: ArtefactFolder.maximumScenarioByteCount + 1)
        #expect(throws: ArtefactError.self) { try ArtefactFolder.write(run, under: folder.path) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        let file = try folder.write([], to: "file")
        #expect(throws: ArtefactError.self) { try ArtefactFolder.write(Self.run(events: 5), under: file) }
    }

    @Test func `a long lane keeps its end and says what it left out`() {
        let events = RunFileTests.record(events: 300).events
        let all = LaneLog.logs(events, limit: .max)
        let cut = LaneLog.logs(events, limit: 1000)
        #expect(all.map(\.lane) == cut.map(\.lane))
        for ((lane, whole), (_, end)) in zip(all, cut) {
            let count = events.count { $0.lane == lane }
            #expect(whole.count { $0 == 0x0A } == count)
            #expect(end.count <= 1100)
            if whole.count > 1000 {
                #expect(
                    String(decoding: end, as: UTF8.self).contains("earlier events are in events.jsonl only"))
                #expect(whole.suffix(300) == end.suffix(300))
            } else {
                #expect(whole == end)
            }
        }
    }

    @Test func `a command line says to a shell what was meant`() async throws {
        let words = [
            "plain-1.2/x:y", "", "a b", "$(reboot)", "it's", "'", "*", "\\", "ö", "--seed", "new\nline",
        ]
        let line = ShellWords.line(["printf", "<%s>"] + words)
        let said = try await ForeignProgram("/bin/sh", "-c", line).run().output
        #expect(said == words.map { "<\($0)>" }.joined())
        #expect(
            ShellWords.line(["mediarig", "run", "smoke", "--seed", "7"]) == "mediarig run smoke --seed 7")
    }

    @Test func `choices survive in any number`() {
        for count in [0, 1, 15, 16, 17, 1000] {
            let choices = (0..<count).map { UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) }
            #expect(ChoiceText.decode(ChoiceText.encode(choices)) == choices)
        }
    }
}
