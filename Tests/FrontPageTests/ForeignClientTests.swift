import Foundation
import HTTPTransport
import TestSupport
import Testing

/// Somebody else's NBD client reads what Chromium serves: the page's worker behind a WebSocket, without any BMC.
@Suite(.serialized, .enabled(if: Browser.isUsable, Browser.comment))
struct ForeignClientTests {
    @Test(.enabled(if: ModuleTests.copying, "node or nbdcopy is not installed"))
    func `libnbd copies every byte out of a browser`() async throws {
        let folder = try TemporaryFolder()
        let byteCount = 64 << 20 + 4096
        let image = try folder.writePattern(byteCount, to: "image", seed: 40)
        _ = try IdentityFolder(path: folder.path).identity(names: ["localhost"])
        let bridge = try RunningProgram(
            try #require(Capability.path(ofTool: "node")),
            [
                "\(ModuleTests.tests)/websocket_bridge.mjs", ModuleTests.modules, folder.file("server.pem"),
                folder.file("server-key.pem"), folder.file("nbd.sock"),
            ])
        let port = try await bridge.firstLine()
        let browser = try await Browser(
            trusting: folder.file("server.pem"), folder: folder.file("browser"))
        try await browser.open("https://localhost:\(port)/")
        try await browser.tell("choose", ["path": image])
        try await browser.evaluate("document.querySelector('input').click()")
        try await browser.wait("document.querySelector('input').files.length === 1")
        try await browser.evaluate(
            """
            globalThis.news = [];
            globalThis.worker = new Worker('/page/serving-worker.js', {type: 'module'});
            worker.onmessage = ({data}) => news.push(data);
            worker.postMessage({
                kind: 'serve', url: 'wss://localhost:\(port)/nbd/0', token: '', overlay: null,
                file: document.querySelector('input').files[0],
            });
            """)
        try await browser.wait("news.some((one) => one.kind === 'open')")
        let copied = try await ForeignProgram(
            "nbdcopy", "nbd+unix:///?socket=\(folder.file("nbd.sock"))", folder.file("copy")
        ).run(within: 120)
        #expect(copied.status == 0, "\(copied.error)")
        #expect(FileManager.default.contentsEqual(atPath: folder.file("copy"), andPath: image))
        #expect(try await browser.evaluate("news.filter((one) => one.kind === 'trouble').length").number == 0)
        await browser.end()
        _ = await bridge.stop()
    }
}
