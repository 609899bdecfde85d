import EmulatedFleet
import Foundation
import HTTPTransport
import HostObserver
import LinuxPlatform
import SimulatedBMC
import TestSupport
import USBMassStorage
import VirtualMedia

/// An emulated BMC with its front, a browser before it, and the host behind it.
final class PageBench: Sendable {
    static let password = "Secret-12345"

    let folder: TemporaryFolder
    let front: EmulatedFront
    let browser: Browser
    let clock = SystemClock()
    let spawner = SystemSpawner()
    private let commons: FleetCommons

    /// - Parameter isRelayed: the browser gets to the front on a way that can be cut.
    init(slots: Int = 2, hasAttentiveHosts: Bool = false, isRelayed: Bool = false) async throws {
        folder = try TemporaryFolder()
        let files = IdentityFolder(path: folder.path)
        commons = try FleetCommons(identity: try files.identity(names: ["localhost"]), passwordCost: 8)
        var plan = EmulatedFront.Plan(
            media: SlotLayout.slots(slots, socketsIn: folder.path), password: Self.password)
        plan.hasAttentiveHosts = hasAttentiveHosts
        front = try await EmulatedFront.start(plan, name: "bmc", sharing: commons)
        browser = try await Browser(trusting: folder.file("server.pem"), folder: folder.file("browser"))
        try await browser.tell("size", [:], ["width": 1280, "height": 900])
        var port = front.port
        if isRelayed { port = Int(try await browser.tell("relay", [:], ["port": port]).number) }
        try await browser.open("https://localhost:\(port)/")
    }

    func stop() async {
        await browser.end()
        await front.stop()
        await commons.stop()
    }

    func logIn(password: String = PageBench.password) async throws {
        try await browser.wait("!document.getElementById('login').hidden")
        try await browser.evaluate(
            """
            document.getElementById('login-name').value = 'admin';
            document.getElementById('login-password').value = '\(password)';
            document.querySelector('#login-form button').click();
            """)
    }

    /// The card of a slot, as a script.
    static func card(_ slot: String) -> String {
        "[...document.querySelectorAll('.slot')].find((one) => one.querySelector('h3').textContent === '\(slot)')"
    }

    static func part(_ slot: String, _ name: String) -> String {
        "\(card(slot)).querySelector('[data-part=\(name)]')"
    }

    func click(_ slot: String, _ part: String) async throws {
        try await browser.wait("!\(Self.part(slot, part)).closest('[hidden]')")
        try await browser.evaluate("\(Self.part(slot, part)).click()")
    }

    func isShown(_ slot: String, _ part: String) async throws {
        try await browser.wait("!\(Self.part(slot, part)).closest('[hidden]')")
    }

    func state(_ slot: String, is words: String) async throws {
        try await browser.wait("\(Self.part(slot, "state")).textContent === '\(words)'")
    }

    func text(_ slot: String, _ part: String) async throws -> String {
        try await browser.evaluate("\(Self.part(slot, part)).textContent").text
    }

    /// Chooses a file in the way of browsers that give no handles of files.
    func choose(_ path: String, for slot: String, clicking part: String = "choose") async throws {
        try await browser.evaluate("delete globalThis.showOpenFilePicker")
        try await browser.tell("choose", ["path": path])
        try await click(slot, part)
    }

    /// The host's view of the medium, once it is plugged in.
    func host(port: String = "emulated-udc.1") async throws -> HostObserver {
        let device = try await front.bmc.kernel.device(on: port, timeout: .seconds(60))
        let clock = self.clock
        let observer = HostObserver(
            connection: device, profile: .linux(speed: .superSpeed), now: { clock.now },
            pause: { try? await clock.sleep(until: clock.now + $0) })
        _ = try await observer.enumerate()
        _ = try await observer.examineUnit()
        return observer
    }
}
