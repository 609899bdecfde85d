import Foundation
import Glibc
import TestSupport
import Testing
import VirtualMedia

@testable import EmulatedFleet

/// `mediarig up` and `mediarig attach` as they are used, with curl as the administrator's tool.
@Suite(.enabled(if: Capability.tool("curl").isUsable, "curl is not installed"))
struct UpCommandTests {
    /// Beside the bundle that the tests run from.
    static let mediarig = URL(fileURLWithPath: CommandLine.arguments[0])
        .deletingLastPathComponent().appendingPathComponent("mediarig").path

    struct Announcement: Decodable {
        var urls: [String]
        var password: String?
        var authority: String
        var bus: String?
        var usbip: String?
    }

    static func up(_ arguments: [String]) async throws -> (RunningProgram, Announcement) {
        let program = try RunningProgram(mediarig, ["up", "--json"] + arguments)
        let line = try await program.firstLine()
        return (program, try JSONDecoder().decode(Announcement.self, from: Data(line.utf8)))
    }

    static func slot(_ name: String, of announcement: Announcement, bmc number: Int = 0) async throws
        -> [String: Any]
    {
        let result = try await ForeignProgram(
            "curl",
            [
                "-s", "--cacert", announcement.authority, "-u", "admin:\(announcement.password ?? "")",
                "\(announcement.urls[number])/redfish/v1/Systems/system/VirtualMedia/\(name)",
            ]
        ).run()
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
        return try #require(object as? [String: Any], "\(result)")
    }

    @Test(arguments: [1, 2, 3, 4, 16]) func `half of the slots are Proxy slots, rounded up`(count: Int) {
        let slots = SlotLayout.slots(count, socketsIn: "/run").slots
        #expect(slots.count == count)
        #expect(slots.filter { $0.mode == .proxy }.count == (count + 1) / 2)
        #expect(Set(slots.map(\.device)).count == count)
    }

    @Test func `an image attached is inserted, and ejected through Redfish it ends well`() async throws {
        let (bmc, announcement) = try await Self.up([])
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(3_000_000, to: "disk.img")
        let passwordFile = try folder.write(Array("\(announcement.password ?? "")\n".utf8), to: "password")
        let attach = try RunningProgram(
            Self.mediarig,
            [
                "attach", image, "--bmc", announcement.urls[0], "--cafile", announcement.authority,
                "--password-file", passwordFile,
            ])
        #expect(try await attach.firstLine().hasPrefix("connected"))
        var slot: [String: Any] = [:]
        while slot["Inserted"] as? Bool != true {
            slot = try await Self.slot("Slot_0", of: announcement)
        }
        #expect(slot["ConnectedVia"] as? String == "Applet" && slot["WriteProtected"] as? Bool == true)
        let eject = try await ForeignProgram(
            "curl",
            [
                "-s", "--cacert", announcement.authority, "-u", "admin:\(announcement.password ?? "")", "-w",
                "%{http_code}", "-H", "Content-Type: application/json", "-d", "{}",
                "\(announcement.urls[0])/redfish/v1/Systems/system/VirtualMedia/Slot_0/Actions/VirtualMedia.EjectMedia",
            ]
        ).run()
        #expect(eject.output == "204")
        #expect(try await attach.firstLine() == "ejected")
        #expect(await attach.stop() == 0)
        #expect(try await Self.slot("Slot_0", of: announcement)["Inserted"] as? Bool == false)
        #expect(await bmc.stop() == 0)
    }

    /// `attach` to a fresh BMC, once the host has the medium.
    private static func attached(_ options: [String]) async throws -> (
        bmc: RunningProgram, attach: RunningProgram, Announcement, errors: String, folder: TemporaryFolder
    ) {
        let (bmc, announcement) = try await up([])
        let folder = try TemporaryFolder()
        let image = try folder.writePattern(1_000_448, to: "disk.img")
        let passwordFile = try folder.write(Array("\(announcement.password ?? "")\n".utf8), to: "password")
        let words =
            [
                mediarig, "attach", image, "--bmc", announcement.urls[0], "--cafile", announcement.authority,
                "--password-file", passwordFile,
            ] + options
        let line = words.map { "'\($0)'" }.joined(separator: " ")
        let attach = try RunningProgram("/bin/sh", ["-c", "exec \(line) 2>'\(folder.file("errors"))'"])
        #expect(try await attach.firstLine().hasPrefix("connected"))
        while try await slot("Slot_0", of: announcement)["Inserted"] as? Bool != true {}
        return (bmc, attach, announcement, folder.file("errors"), folder)
    }

    @Test(arguments: [SIGINT, SIGTERM], [[], ["--read-write"]])
    func `attach that is told to end ejects first`(signal: CInt, options: [String]) async throws {
        let (bmc, attach, announcement, _, folder) = try await Self.attached(options)
        defer { withExtendedLifetime(folder) {} }
        kill(attach.processIdentifier, signal)
        #expect(try await attach.firstLine().hasPrefix("ejecting"))
        #expect(try await attach.firstLine() == "ejected")
        #expect(await attach.stop() == 0)
        #expect(try await Self.slot("Slot_0", of: announcement)["Inserted"] as? Bool == false)
        #expect(await bmc.stop() == 0)
    }

    @Test func `at a second signal attach gives up, and says what that means`() async throws {
        let (bmc, attach, _, errors, folder) = try await Self.attached(["--read-write"])
        defer { withExtendedLifetime(folder) {} }
        kill(bmc.processIdentifier, SIGSTOP)
        kill(attach.processIdentifier, SIGINT)
        #expect(try await attach.firstLine().hasPrefix("ejecting"))
        #expect(await attach.stop() == 1)
        #expect(try String(contentsOfFile: errors, encoding: .utf8).contains("has written and not flushed"))
        kill(bmc.processIdentifier, SIGCONT)
        #expect(await bmc.stop() == 0)
    }

    @Test func `a fleet is several BMCs that know nothing of each other`() async throws {
        let (fleet, announcement) = try await Self.up(["--fleet", "3", "--slots", "2"])
        #expect(announcement.urls.count == 3 && Set(announcement.urls).count == 3)
        for number in 0..<3 {
            let slot = try await Self.slot("Slot_1", of: announcement, bmc: number)
            #expect(slot["Inserted"] as? Bool == false)
        }
        #expect(await fleet.stop() == 0)
    }

    @Test(arguments: [
        (["up", "--slots", "0"], "--slots"), (["up", "--slots", "17"], "--slots"),
        (["up", "--port", "65536"], "--port"), (["up", "--fleet", "2", "--bus", "/tmp/x"], "--bus"),
        (["up", "--fleet", "2", "--usbip"], "--usbip"), (["up", "--usbip=here"], "--usbip"),
        (["verify", "--usbip", "--no-host", "x.img"], "--usbip"),
        (["up", "-p", "65000", "--fleet", "1000"], "--fleet"),
        (["attach", "x.img", "--bmc", "http://a"], "--bmc"),
        (["attach", "x.img", "--bmc", "https://a/b"], "--bmc"),
        (["attach", "x.img", "--bmc", "https://a", "--insecure", "--cafile", "f"], "--insecure"),
        (["attach", "/no/such.img", "--bmc", "https://a"], "/no/such.img"),
    ])
    func `what makes no sense is refused with the option's name`(arguments: [String], word: String)
        async throws
    {
        let result = try await ForeignProgram(Self.mediarig, arguments).run()
        #expect(result.status == 2 && result.error.contains(word), "\(result)")
    }
}
