import Synchronization
import Testing
import VirtualMedia

@testable import MediaDaemon

struct DaemonLogTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
        func log(_ level: LogLevel, isJournal: Bool = false) -> DaemonLog {
            DaemonLog(level: level, isJournal: isJournal) { line in self.all.withLock { $0.append(line) } }
        }
        var text: [String] { all.withLock { $0 } }
    }

    @Test(arguments: LogLevel.allCases)
    func `what matters less than the level is left out`(level: LogLevel) {
        let lines = Lines()
        let log = lines.log(level)
        for each in LogLevel.allCases { log(each, "x") }
        #expect(lines.text == LogLevel.allCases.filter { $0 <= level }.map { "virtual-mediad: \($0): x\n" })
    }

    @Test func `the journal is told the level, and a text cannot make up a second line`() {
        let lines = Lines()
        lines.log(.debug, isJournal: true)(.warning, "bad\n<3>forged\u{1b}[0m")
        #expect(lines.text == ["<4>bad <3>forged [0m\n"])
    }

    @Test func `a slot's states and failures are told once, its counters never`() {
        let lines = Lines()
        let chronicle = SlotChronicle(log: lines.log(.info))
        var report = SlotReport(kind: .disk)
        report.state = .active
        report.host = .present
        report.byteCount = 512
        report.controller = "udc.0"
        report.imageURL = "https://images/a.iso?token=secret"
        for readBytes in [0, 512, 1024] as [UInt64] {
            report.readBytes = readBytes
            chronicle.tell("Slot_1", .report(report))
        }
        report.lastFailure = SlotFailure(.timedOut, "too slow")
        chronicle.tell("Slot_1", .report(report))
        chronicle.tell("Slot_1", .report(report))
        chronicle.tell("Slot_1", .completion(.mount, .done))
        chronicle.tell("Slot_1", .completion(.unmount, .busy))
        #expect(
            lines.text == [
                "virtual-mediad: notice: Slot_1: inserted, 512 bytes on udc.0\n",
                "virtual-mediad: warning: Slot_1: too slow\n",
                "virtual-mediad: info: Slot_1: mount completed with 0 (done)\n",
                "virtual-mediad: warning: Slot_1: unmount completed with 16 (busy)\n",
            ])
    }
}
