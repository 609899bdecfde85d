import BlockStorage
import Foundation
import HostObserver
import Synchronization
import TestSupport
import Testing

/// The real page, in a real browser, before an emulated BMC whose host compares every block.
@Suite(.serialized, .enabled(if: Browser.isUsable, Browser.comment))
struct PageTests {
    static let slot = "Slot_0"

    @Test func `a wrong password is said to be one, and the right one leads to the slots`() async throws {
        let bench = try await PageBench()
        try await bench.logIn(password: "wrong")
        try await bench.browser.wait("!document.getElementById('login-error').hidden")
        let said = try await bench.browser.evaluate("document.getElementById('login-error').textContent")
        #expect(said.text == "User name or password is wrong.")
        // What can be read of the cookies by a script is no login.
        let cookies = try await bench.browser.evaluate("document.cookie")
        #expect(cookies.text.isEmpty)
        try await bench.logIn()
        try await bench.browser.wait("document.querySelectorAll('.slot').length === 2")
        #expect(try await !bench.browser.evaluate("document.cookie").text.contains("SESSION"))
        // A reload goes on with the login, and logging out ends it.
        try await bench.browser.tell("reload")
        try await bench.browser.wait("document.querySelectorAll('.slot').length === 2")
        try await bench.browser.evaluate("document.getElementById('log-out').click()")
        try await bench.browser.wait("!document.getElementById('login').hidden")
        try await bench.browser.tell("reload")
        try await bench.browser.wait("!document.getElementById('login').hidden")
        await bench.stop()
    }

    @Test func `the host reads every block of a file, and does not notice that the page is loaded again`()
        async throws
    {
        let bench = try await PageBench()
        let path = try bench.folder.writePattern(48 << 20, to: "installer.iso", seed: 3)
        try await bench.logIn()
        try await bench.choose(path, for: Self.slot)
        let host = try await bench.host()
        try await bench.state(Self.slot, is: "Inserted")
        let image = ExpectedBytes(TemporaryFolder.pattern(48 << 20, seed: 3))
        // How the reload went, while the host reads: nil until it is over.
        let reload = Mutex<Result<Browser.Value, any Error>?>(nil)
        let reloading = bench.spawner.spawn("reload", .shared) {
            let result: Result<Browser.Value, any Error>
            do { result = .success(try await Self.loadAgain(bench, path)) } catch { result = .failure(error) }
            reload.withLock { $0 = result }
        }
        let report = try await host.readAll(expecting: .image(image))
        #expect(report.verdict == .proven, "\(report)")
        #expect(reload.withLock { $0 != nil }, "the host was done before the page was loaded again")
        await reloading.finished()
        // Whoever leaves a page that serves is warned.
        #expect(try reload.withLock { $0 }?.get().list == [.text("beforeunload")])
        try await bench.click(Self.slot, "eject")
        try await bench.state(Self.slot, is: "Empty")
        #expect(await bench.front.bmc.leftovers().isEmpty)
        #expect(try await bench.browser.tell("complaints").list == [])
        await bench.stop()
    }

    /// - Returns: what the browser asked before it left the page.
    private static func loadAgain(_ bench: PageBench, _ path: String) async throws -> Browser.Value {
        try await bench.browser.wait(
            "parseInt(\(PageBench.part(slot, "serving-details")).textContent) > 8")
        try await bench.browser.tell("reload")
        let dialogs = try await bench.browser.tell("dialogs")
        try await bench.choose(path, for: slot, clicking: "resume-go")
        try await bench.isShown(slot, "serving")
        return dialogs
    }

    @Test func `another file does not take the place of the one that the host knows`() async throws {
        let bench = try await PageBench()
        let path = try bench.folder.writePattern(2 << 20, to: "disk.img", seed: 4)
        let other = try bench.folder.writePattern(2 << 20 - 512, to: "other.img", seed: 5)
        try await bench.logIn()
        try await bench.choose(path, for: Self.slot)
        try await bench.state(Self.slot, is: "Inserted")
        try await bench.browser.tell("reload")
        try await bench.choose(other, for: Self.slot, clicking: "resume-go")
        try await bench.browser.wait(
            "\(PageBench.part(Self.slot, "failure-text")).textContent.includes('choose disk.img')")
        try await bench.isShown(Self.slot, "failure")
        try await bench.choose(path, for: Self.slot, clicking: "resume-go")
        try await bench.isShown(Self.slot, "serving")
        try await bench.click(Self.slot, "eject")
        try await bench.state(Self.slot, is: "Empty")
        await bench.stop()
    }

    @Test func `what the host writes outlasts a reload, and is in the image that is downloaded`() async throws
    {
        let bench = try await PageBench()
        let byteCount = 4 << 20 + 512
        let path = try bench.folder.writePattern(byteCount, to: "disk.img", seed: 6)
        let image = TemporaryFolder.pattern(byteCount, seed: 6)
        try await bench.logIn()
        try await bench.click(Self.slot, "writable")
        try await bench.choose(path, for: Self.slot)
        let host = try await bench.host()
        let ranges = [(0, 1), (127, 3), (1000, 300), (8192, 1)].map { BlockRange(first: $0, count: $1) }
        let written = try await host.writeTest(ranges, seed: 11)
        #expect(written.verdict == .proven, "\(written)")
        try await bench.browser.tell("reload")
        try await bench.choose(path, for: Self.slot, clicking: "resume-go")
        try await bench.isShown(Self.slot, "serving")
        let more = try await host.writeTest([BlockRange(first: 4000, count: 130)], seed: 12)
        #expect(more.verdict == .proven, "\(more)")
        var expected = image
        for (ranges, seed) in [(ranges, 11), ([BlockRange(first: 4000, count: 130)], 12)]
            as [([BlockRange], UInt64)]
        {
            for range in ranges {
                let (start, count) = (Int(range.first) * 512, Int(range.count) * 512)
                expected.replaceSubrange(
                    start..<(start + count),
                    with: SeededPattern.bytes(seed: seed, at: UInt64(start), byteCount: count))
            }
        }
        let report = try await host.readAll(expecting: .image(ExpectedBytes(expected)))
        #expect(report.verdict == .proven, "\(report)")
        try await bench.click(Self.slot, "eject")
        try await bench.isShown(Self.slot, "changes")
        try await bench.click(Self.slot, "changes-download")
        let download = try await bench.browser.tell("download").text
        #expect(Array(try Data(contentsOf: URL(fileURLWithPath: download))) == expected)
        // The file itself is as it was.
        #expect(Array(try Data(contentsOf: URL(fileURLWithPath: path))) == image)
        await bench.stop()
    }

    @Test func `changes are written into a file that the browser may write, at the end and as a whole`()
        async throws
    {
        let bench = try await PageBench()
        try await bench.logIn()
        // A handle of the browser's own store stands for one of a disk, which nothing but a person can choose.
        try await bench.browser.evaluate(
            """
            (async () => {
                const root = await navigator.storage.getDirectory();
                const handle = await root.getFileHandle('disk.img', {create: true});
                const file = await handle.createWritable();
                await file.write(new Uint8Array(1 << 20).fill(7));
                await file.close();
                globalThis.kept = handle;
                globalThis.showOpenFilePicker = async () => [handle];
            })()
            """)
        try await bench.click(Self.slot, "writable")
        try await bench.click(Self.slot, "choose")
        let host = try await bench.host()
        let written = try await host.writeTest([BlockRange(first: 100, count: 40)], seed: 13)
        #expect(written.verdict == .proven, "\(written)")
        let sum =
            "kept.getFile().then((file) => file.arrayBuffer())"
            + ".then((bytes) => new Uint8Array(bytes).reduce((sum, byte) => sum + byte, 0))"
        let before = try await bench.browser.evaluate(sum).number
        #expect(before == Double(7 << 20))
        try await bench.click(Self.slot, "eject")
        try await bench.click(Self.slot, "changes-save")
        try await bench.browser.wait("\(PageBench.part(Self.slot, "changes")).hidden")
        var expected = [UInt8](repeating: 7, count: 1 << 20)
        expected.replaceSubrange(
            51_200..<(51_200 + 20_480),
            with: SeededPattern.bytes(seed: 13, at: 51_200, byteCount: 20_480))
        #expect(try await bench.browser.evaluate(sum).number == Double(expected.reduce(0) { $0 + Int($1) }))
        await bench.stop()
    }
}
