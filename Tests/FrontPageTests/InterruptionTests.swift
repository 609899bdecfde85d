import HostObserver
import Synchronization
import TestSupport
import Testing

/// What the page does when the way to the BMC, or its login, is lost.
@Suite(.serialized, .enabled(if: Browser.isUsable, Browser.comment))
struct InterruptionTests {
    static let slot = "Slot_0"

    @Test func `a connection that is cut is made again, and the host reads on`() async throws {
        let bench = try await PageBench(isRelayed: true)
        let path = try bench.folder.writePattern(48 << 20, to: "disk.img", seed: 30)
        try await bench.logIn()
        try await bench.choose(path, for: Self.slot)
        let host = try await bench.host()
        let image = ExpectedBytes(TemporaryFolder.pattern(48 << 20, seed: 30))
        let failures = Mutex<[String]>([])
        let cutting = bench.spawner.spawn("cut", .shared) {
            do {
                try await bench.browser.wait(
                    "parseInt(\(PageBench.part(Self.slot, "serving-details")).textContent) > 8")
                for _ in 0..<2 {
                    try await bench.browser.tell("cut")
                    // It is connected again once something is served beyond what was before.
                    try await bench.browser.wait(
                        "\(PageBench.part(Self.slot, "serving-text")).textContent.startsWith('This page serves')"
                    )
                }
            } catch { failures.withLock { $0.append("\(error)") } }
        }
        let report = try await host.readAll(expecting: .image(image))
        #expect(report.verdict == .proven, "\(report)")
        await cutting.finished()
        #expect(failures.withLock { $0 } == [])
        try await bench.click(Self.slot, "eject")
        try await bench.state(Self.slot, is: "Empty")
        await bench.stop()
    }

    @Test func `a BMC that does not answer is said not to, and is found again`() async throws {
        let bench = try await PageBench()
        try await bench.logIn()
        try await bench.browser.wait("document.querySelectorAll('.slot').length === 2")
        try await bench.browser.tell("offline", ["state": "on"])
        // The stream of events may not notice at once; a look does.
        try await bench.browser.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        try await bench.browser.wait("!document.getElementById('connection').hidden")
        try await bench.browser.tell("offline", ["state": "off"])
        try await bench.browser.wait("document.getElementById('connection').hidden")
        await bench.stop()
    }

    @Test func `a login that is ended elsewhere takes the medium away, and the page says so`() async throws {
        let bench = try await PageBench()
        let path = try bench.folder.writePattern(1 << 20, to: "disk.img", seed: 31)
        try await bench.logIn()
        try await bench.choose(path, for: Self.slot)
        try await bench.state(Self.slot, is: "Inserted")
        try await bench.browser.evaluate(
            """
            const token = document.cookie.split('XSRF-TOKEN=')[1].split(';')[0];
            fetch('/logout', {method: 'POST', headers: {'X-XSRF-TOKEN': token}}).then(() => true)
            """)
        try await bench.browser.wait("!document.getElementById('login').hidden")
        let said = try await bench.browser.evaluate("document.getElementById('login-notice').textContent")
        #expect(said.text.contains("login has ended"))
        try await bench.logIn()
        try await bench.state(Self.slot, is: "Empty")
        try await bench.browser.wait(
            "\(PageBench.part(Self.slot, "failure-text")).textContent.includes('login has ended')")
        await bench.stop()
    }
}
