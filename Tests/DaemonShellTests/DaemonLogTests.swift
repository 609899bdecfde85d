import Synchronization
import Testing

@testable import DaemonShell

struct DaemonLogTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
        func log(_ level: LogLevel, isJournal: Bool = false) -> DaemonLog {
            DaemonLog("some-daemon", level: level, isJournal: isJournal) { line in
                self.all.withLock { $0.append(line) }
            }
        }
        var text: [String] { all.withLock { $0 } }
    }

    @Test(arguments: LogLevel.allCases)
    func `what matters less than the level is left out`(level: LogLevel) {
        let lines = Lines()
        let log = lines.log(level)
        for each in LogLevel.allCases { log(each, "x") }
        #expect(lines.text == LogLevel.allCases.filter { $0 <= level }.map { "some-daemon: \($0): x\n" })
    }

    @Test func `the journal is told the level, and a text cannot make up a second line`() {
        let lines = Lines()
        lines.log(.debug, isJournal: true)(.warning, "bad\n<3>forged\u{1b}[0m")
        #expect(lines.text == ["<4>bad <3>forged [0m\n"])
    }
}
