import DBusProtocol
import Foundation
import Glibc
import LinuxPlatform
import TestSupport
import Testing

/// The program on buses of others. This machine need not have nbd nor a controller: a mount fails then, with
/// the cause.
struct DaemonProcessTests {
    private func client(_ address: String) async throws -> WiredBusConnection {
        try await SocketBusConnection.connect(to: address)
    }

    private func call(
        _ client: WiredBusConnection, _ path: String, _ interface: String, _ member: String,
        _ body: [Value] = []
    ) async throws -> [Value] {
        try await client.call(
            .methodCall(
                destination: DaemonProcess.name, path: path, interface: interface, member: member, body: body)
        ).body
    }

    @Test(
        .enabled(if: PrivateBus.daemon.capability.isUsable, "dbus-daemon is not installed"),
        arguments: PrivateBus.allCases.filter { $0.capability.isUsable })
    func `it gets ready, answers, says why a mount fails, and ends when asked`(bus: PrivateBus) async throws {
        let folder = try TemporaryFolder()
        try DaemonProcess.configure(folder, slots: ["Slot_1"])
        let image = try folder.writePattern(1 << 20, to: "disk.img")
        try await bus.run(in: folder) { address in
            let daemon = try DaemonProcess(on: address, in: folder, options: ["--allow-local-files"])
            #expect(try await daemon.nextNotice() == "READY=1", "\(daemon.log)")
            let client = try await client(address)
            let text = try await call(
                client, DaemonProcess.legacyPath, WellKnown.introspectable, "Introspect")
            #expect("\(text)".contains("xyz.openbmc_project.VirtualMedia.Legacy"))
            _ = try await client.call(
                .methodCall(
                    destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus,
                    member: "AddMatch", body: [.string("type='signal',member='Completion'")]))
            let reply = try await call(
                client, DaemonProcess.legacyPath, "\(DaemonProcess.name).Legacy", "Mount", [.string(image)])
            #expect(reply == [.boolean(true)])
            if access("/sys/block/nbd8", F_OK) != 0 {
                for await message in client.incoming where message.member == "Completion" {
                    #expect(message.body == [.int32(5)])
                    break
                }
                let why = try await call(
                    client, DaemonProcess.legacyPath, WellKnown.properties, "Get",
                    [.string("net.mediarig.VirtualMedia.Slot"), .string("LastError")])
                #expect("\(why)".contains("there is no nbd8; load nbd"))
            }
            await client.close()
            #expect(await daemon.stop() == 0, "\(daemon.log)")
            #expect(try await daemon.nextNotice() == "STOPPING=1")
            #expect(daemon.log.contains("Slot_1: mount completed with"))
            #expect(!daemon.log.contains(image))
        }
    }

    @Test(
        .enabled(
            if: Capability.tools("dbus-daemon", "busctl").isUsable, "dbus-daemon or busctl is not installed"))
    func `busctl finds its objects and reads their properties`() async throws {
        let folder = try TemporaryFolder()
        try DaemonProcess.configure(folder, slots: ["Slot_1", "Slot_2"])
        try await PrivateBus.daemon.run(in: folder) { address in
            let daemon = try DaemonProcess(on: address, in: folder)
            #expect(try await daemon.nextNotice() == "READY=1", "\(daemon.log)")
            let tree = try await ForeignProgram(
                "busctl", "--no-pager", "--address=\(address)", "tree", "--list", DaemonProcess.name
            ).run()
            for slot in ["Slot_1", "Slot_2"] { #expect(tree.output.contains("/Legacy/\(slot)\n")) }
            let device = try await ForeignProgram(
                "busctl", "--address=\(address)", "get-property", DaemonProcess.name,
                DaemonProcess.legacyPath, "\(DaemonProcess.name).MountPoint", "Device"
            ).run()
            #expect(device.output == "s \"nbd8\"\n")
            #expect(await daemon.stop() == 0)
        }
    }

    @Test(.enabled(if: PrivateBus.daemon.capability.isUsable, "dbus-daemon is not installed"))
    func `a second one leaves the first alone and fails`() async throws {
        let folder = try TemporaryFolder()
        try DaemonProcess.configure(folder, slots: ["Slot_1"])
        try await PrivateBus.daemon.run(in: folder) { address in
            let first = try DaemonProcess(on: address, in: folder)
            #expect(try await first.nextNotice() == "READY=1", "\(first.log)")
            let second = try await ForeignProgram(
                DaemonProcess.program, "--config", folder.file("media.json"), "--address", address
            ).run()
            #expect(second.status == 1)
            #expect(second.error.contains("another program has the bus name"))
            let other = try DaemonProcess(on: address, in: folder, options: ["--name", "net.example.Other"])
            #expect(try await other.nextNotice() == "READY=1", "\(other.log)")
            #expect(await other.stop() == 0)
            #expect(await first.stop() == 0)
        }
    }

    @Test(.enabled(if: PrivateBus.daemon.capability.isUsable, "dbus-daemon is not installed"))
    func `a reload brings slots and takes them, and a broken file changes nothing`() async throws {
        let folder = try TemporaryFolder()
        try DaemonProcess.configure(folder, slots: ["Slot_1"])
        try await PrivateBus.daemon.run(in: folder) { address in
            let daemon = try DaemonProcess(on: address, in: folder)
            #expect(try await daemon.nextNotice() == "READY=1", "\(daemon.log)")
            let client = try await client(address)
            func slots() async throws -> String {
                "\(try await call(client, DaemonProcess.root, WellKnown.objectManager, "GetManagedObjects"))"
            }
            func reload() async throws {
                daemon.signal(SIGHUP)
                #expect(try await daemon.nextNotice().hasPrefix("RELOADING=1"))
                #expect(try await daemon.nextNotice() == "READY=1")
            }
            try DaemonProcess.configure(folder, slots: ["Slot_2", "Slot_3"])
            try await reload()
            let changed = try await slots()
            #expect(!changed.contains("Slot_1") && changed.contains("Slot_2") && changed.contains("Slot_3"))
            try folder.write(Array("{ \"MountPoints\": { \"Slot_4\": 7 } }".utf8), to: "media.json")
            try await reload()
            #expect(try await slots() == changed)
            #expect(daemon.log.contains("media.json:1:") && daemon.log.contains("stays as it was"))
            await client.close()
            #expect(await daemon.stop() == 0)
        }
    }

    static let usage: [([String], Int32, String)] = [
        (["--check", "--config", "/nonexistent"], 2, "/nonexistent: No such file"),
        (["--address", "unix:path=/x", "--session"], 2, "not both"),
        (["--no-such-option"], 2, "--no-such-option"),
        (["--nbd", "magic"], 2, "netlink"),
        (["--log-level", "loud"], 2, "warning"),

    ]

    @Test(arguments: usage.indices)
    func `usage and configuration are checked before anything else`(index: Int) async throws {
        let (arguments, status, text) = Self.usage[index]
        let result = try await ForeignProgram(DaemonProcess.program, arguments).run()
        #expect(result.status == status && result.error.contains(text), "\(result)")
    }

    @Test func `a configuration is checked without a bus, with the place of each mistake`() async throws {
        let folder = try TemporaryFolder()
        try DaemonProcess.configure(folder, slots: ["Slot_1"])
        let good = try await ForeignProgram(
            DaemonProcess.program, "--check", "--config", folder.file("media.json")
        ).run()
        #expect(good.status == 0 && good.error.isEmpty)
        try folder.write(Array("{\"MountPoints\": {\"Slot_1\": {\"Mode\": 3}}}".utf8), to: "media.json")
        let bad = try await ForeignProgram(
            DaemonProcess.program, "--check", "--config", folder.file("media.json")
        ).run()
        #expect(bad.status == 2 && bad.error.contains("media.json:1:"))
    }

    @Test func `every option of the help is in its page`() async throws {
        let help = try await ForeignProgram(DaemonProcess.program, "--help").run().output
        let page = try String(
            contentsOf: Packaging.root.appendingPathComponent("docs/virtual-mediad.md"), encoding: .utf8)
        let options = help.matches(of: /--[a-z-]+/).map { String($0.output) }.filter { $0 != "--help" }
        #expect(options.count > 9)
        for option in options { #expect(page.contains("`\(option)") || page.contains(option), "\(option)") }
    }
}

/// The files that go into a package.
struct Packaging {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static func text(_ name: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent("packaging/\(name)"), encoding: .utf8)
    }
}

struct PackagingTests {
    @Test(.enabled(if: Capability.tool("systemd-analyze").isUsable, "systemd-analyze is not installed"))
    func `systemd finds nothing wrong with the unit, and its sandbox tight`() async throws {
        let folder = try TemporaryFolder()
        let unit = try Packaging.text("virtual-mediad.service")
            .replacingOccurrences(of: "/usr/bin/virtual-mediad", with: DaemonProcess.program)
            .replacingOccurrences(of: "/usr/share/doc/virtual-mediad", with: "/usr/share/doc")
        let file = try folder.write(Array(unit.utf8), to: "virtual-mediad.service")
        let verified = try await ForeignProgram("systemd-analyze", "verify", "--man=no", file).run()
        #expect(verified.status == 0 && !verified.error.contains("virtual-mediad.service"), "\(verified)")
        let judged = try await ForeignProgram(
            "systemd-analyze", "security", "--offline=yes", "--threshold=50", "--no-pager", file
        ).run()
        #expect(judged.status == 0, "\(judged.output.suffix(400)) \(judged.error)")
    }

    @Test func `the unit leaves more time to stop than taking down needs`() throws {
        let unit = try Packaging.text("virtual-mediad.service")
        #expect(unit.contains("TimeoutStopSec=60"))
        #expect(unit.contains("BusName=\(DaemonProcess.name)"))
    }

    @Test(.enabled(if: Capability.tool("xmllint").isUsable, "xmllint is not installed"))
    func `the bus policy is well formed and gives the name to root`() async throws {
        let path = Packaging.root.appendingPathComponent("packaging/\(DaemonProcess.name).conf").path
        let checked = try await ForeignProgram("xmllint", "--noout", "--nonet", path).run()
        #expect(checked.status == 0, "\(checked.error)")
        #expect(
            try Packaging.text("\(DaemonProcess.name).conf").contains(
                "<allow own=\"\(DaemonProcess.name)\"/>"))
    }
}
