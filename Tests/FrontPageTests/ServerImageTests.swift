import BlockStorage
import Certificates
import Foundation
import HTTPRanges
import HostObserver
import RemoteStore
import TestSupport
import Testing

/// Images from servers, inserted through the page's dialogue.
@Suite(.serialized, .enabled(if: Browser.isUsable, Browser.comment))
struct ServerImageTests {
    static let slot = "Slot_1"
    static let image = TemporaryFolder.pattern(1 << 20, seed: 21)

    private static func fill(_ bench: PageBench, address: String, user: String = "", password: String = "")
        async throws
    {
        try await bench.browser.evaluate(
            """
            document.getElementById('url-image').value = '\(address)';
            document.getElementById('url-user').value = '\(user)';
            document.getElementById('url-password').value = '\(password)';
            document.getElementById('url-insert').click();
            """)
    }

    private static func refusal(_ bench: PageBench) async throws -> String {
        try await bench.browser.wait(
            "!document.getElementById('url-error').hidden && !document.getElementById('url-insert').disabled")
        return try await bench.browser.evaluate("document.getElementById('url-error').textContent").text
    }

    @Test func `each refusal is said with its remedy, until the image is in the slot`() async throws {
        let bench = try await PageBench()
        let authority = try CertificateAuthority(name: "image authority")
        let file = bench.folder.file("image-authority.pem")
        try authority.writeCertificate(to: file)
        var configuration = ImageServer.Configuration()
        configuration.images = ["/disk.img": .store(MemoryStore(Self.image, isReadOnly: true), version: 1)]
        (configuration.user, configuration.password) = ("reader", "open sesame")
        let server = try ImageServer(try authority.issue(), configuration)
        try await bench.logIn()
        try await bench.click(Self.slot, "insert")
        try await Self.fill(bench, address: "ftp://127.0.0.1/disk.img")
        #expect(try await Self.refusal(bench).contains("ftp://"))
        try await Self.fill(bench, address: server.url("/disk.img"))
        #expect(try await Self.refusal(bench).lowercased().contains("certificate"))
        // Whose certificates count is part of the dialogue.
        let pem = try String(contentsOfFile: file, encoding: .utf8)
        try await bench.browser.evaluate(
            """
            document.querySelector('#url-dialog input[value=slot]').click();
            document.getElementById('url-pem').value = `\(pem)`;
            """)
        try await Self.fill(bench, address: server.url("/none.img"), user: "reader", password: "open sesame")
        #expect(try await Self.refusal(bench).contains("no image at the address"))
        try await Self.fill(bench, address: server.url("/disk.img"), user: "reader", password: "wrong")
        #expect(try await Self.refusal(bench).lowercased().contains("password"))
        try await Self.fill(bench, address: server.url("/disk.img"), user: "reader", password: "open sesame")
        try await bench.state(Self.slot, is: "Inserted")
        #expect(
            try await bench.browser.evaluate("document.getElementById('url-dialog').open") == .flag(false))
        #expect(
            try await bench.browser.evaluate("document.getElementById('url-password').value").text.isEmpty)
        #expect(try await bench.text(Self.slot, "image") == "disk.img")
        #expect(try await bench.text(Self.slot, "holder").hasPrefix("admin, "))
        let report = try await bench.host().readAll(expecting: .image(ExpectedBytes(Self.image)))
        #expect(report.verdict == .proven, "\(report)")
        try await bench.click(Self.slot, "eject")
        try await bench.state(Self.slot, is: "Empty")
        await bench.stop()
        #expect(server.stop())
    }

    @Test func `an insertion that takes long is followed, and can be cancelled`() async throws {
        let bench = try await PageBench()
        let authority = try CertificateAuthority(name: "image authority")
        let file = bench.folder.file("image-authority.pem")
        try authority.writeCertificate(to: file)
        var configuration = ImageServer.Configuration()
        configuration.images = ["/slow.img": .store(MemoryStore(Self.image, isReadOnly: true), version: 1)]
        configuration.planner = { _ in
            var plan = ResponsePlan.right
            plan.body = .stalls(after: 0)
            return plan
        }
        let server = try ImageServer(try authority.issue(), configuration)
        try await bench.logIn()
        try await bench.click(Self.slot, "insert")
        let pem = try String(contentsOfFile: file, encoding: .utf8)
        try await bench.browser.evaluate(
            """
            document.querySelector('#url-dialog input[value=slot]').click();
            document.getElementById('url-pem').value = `\(pem)`;
            """)
        try await Self.fill(bench, address: server.url("/slow.img"))
        try await bench.isShown(Self.slot, "task")
        #expect(
            try await bench.browser.evaluate("document.getElementById('url-dialog').open") == .flag(false))
        try await bench.click(Self.slot, "task-cancel")
        try await bench.isShown(Self.slot, "failure")
        try await bench.state(Self.slot, is: "Empty")
        await bench.stop()
        #expect(server.stop())
    }
}
