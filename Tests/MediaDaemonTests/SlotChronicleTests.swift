import DaemonShell
import Synchronization
import Testing
import VirtualMedia

@testable import MediaDaemon

struct SlotChronicleTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
        var text: [String] { all.withLock { $0 } }
    }

    @Test func `a slot's states and failures are told once, its counters never`() {
        let lines = Lines()
        let chronicle = SlotChronicle(
            log: DaemonLog("virtual-mediad", level: .info, isJournal: false) { line in
                lines.all.withLock { $0.append(line) }
            })
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
