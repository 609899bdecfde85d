import BusServer
import Foundation
import Glibc
import MessageBus
import TestSupport
import Testing

/// The program in front of services that come, go and come again.
@Suite(.enabled(if: FrontProcess.curl.isUsable, "curl or dbus-daemon is not installed"))
struct RedfishDaemonTests {
    /// dbus-daemon, or our own bus on a socket.
    enum Bus: CaseIterable, Sendable {
        case daemon, own

        func run(in folder: TemporaryFolder, _ body: (String) async throws -> Void) async throws {
            guard self == .own else { return try await PrivateBus.daemon.run(in: folder, body) }
            let host = try BusHost(
                BusConfiguration(listen: [BusConfiguration.address(ofPath: folder.file("bus"))]))
            try await body(try #require(host.addresses.first))
            host.stop()
        }
    }

    @Test(arguments: Bus.allCases)
    func `what it says is true while the service is absent, there, gone and back`(bus: Bus) async throws {
        let folder = try TemporaryFolder()
        try await bus.run(in: folder) { address in
            let front = try await FrontProcess(bus: address, in: folder)
            let absent = try await front.ask("\(FrontProcess.slots)/Slot_1")
            #expect(absent.status == 503 && absent.messageID.contains("ServiceAbsent"), "\(absent)")
            #expect(try await front.ask("/redfish/v1/Systems/system").status == 200)
            let refused = try await front.insert("https://images.example/a.iso", into: "Slot_1")
            #expect(refused.status == 503 && !refused.messageID.isEmpty, "\(refused)")

            let first = try await ServiceOnBus(address, in: folder)
            #expect(try await front.wait(for: "Slot_1") { $0.status == 200 }.allSatisfy { $0 != 500 })
            #expect(try await front.insert("https://images.example/a.iso", into: "Slot_1").status == 204)
            #expect(try await front.ask("\(FrontProcess.slots)/Slot_1").isInserted)
            let missing = try await front.insert("https://images.example/missing.iso", into: "Slot_1")
            #expect(missing.status == 409, "\(missing)")
            #expect(try await front.eject("Slot_1").status == 204)
            let notFound = try await front.insert("https://images.example/missing.iso", into: "Slot_1")
            #expect((400..<500).contains(notFound.status) && !notFound.messageID.isEmpty, "\(notFound)")
            #expect(try await front.insert("https://images.example/b.iso", into: "Slot_1").status == 204)

            await first.crash()
            #expect(try await front.wait(for: "Slot_1") { $0.status == 503 }.allSatisfy { $0 != 500 })
            #expect(try await front.eject("Slot_1").status == 503)

            let second = try await ServiceOnBus(address, in: folder)
            try await front.wait(for: "Slot_1") { $0.status == 200 }
            #expect(try await !front.ask("\(FrontProcess.slots)/Slot_1").isInserted)
            #expect(try await front.insert("https://images.example/c.iso", into: "Slot_1").status == 204)
            #expect(await front.stop() == 0, "\(front.logText)")
            #expect(try await front.nextNotice() == "STOPPING=1")
            #expect(front.logText.contains("the virtual media service is gone"))
            #expect(!front.logText.contains("images.example") && !front.logText.contains(front.password))
            await second.crash()
        }
    }

    @Test func `the bus itself may go and come back`() async throws {
        let folder = try TemporaryFolder()
        var front: FrontProcess?
        try await PrivateBus.daemon.run(in: folder) { address in
            let service = try await ServiceOnBus(address, in: folder)
            front = try await FrontProcess(bus: address, in: folder)
            try await front?.wait(for: "Slot_1") { $0.status == 200 }
            await service.crash()
        }
        // The bus has been killed.
        try await front?.wait(for: "Slot_1") { $0.status == 503 }
        unlink(folder.file("bus"))
        try await PrivateBus.daemon.run(in: folder) { address in
            let service = try await ServiceOnBus(address, in: folder)
            try await front?.wait(for: "Slot_1") { $0.status == 200 }
            #expect(await front?.stop() == 0)
            await service.crash()
        }
        let log = front?.logText ?? ""
        #expect(log.components(separatedBy: "connected to the bus").count == 3, "\(log)")
    }

    @Test(
        .enabled(
            if: Capability.pythonModule("dbus").isUsable && Capability.pythonModule("gi").isUsable,
            "python3-dbus or python3-gi is not installed"))
    func `a daemon of somebody else, with OpenBMC's interfaces alone, is driven as well`() async throws {
        let folder = try TemporaryFolder()
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("foreign_daemon.py").path
        try await PrivateBus.daemon.run(in: folder) { address in
            let front = try await FrontProcess(bus: address, in: folder)
            let daemon = try RunningProgram("/usr/bin/python3", [script, address])
            #expect(try await daemon.firstLine() == "ready")
            try await front.wait(for: "Slot_2") { $0.status == 200 }
            #expect(try await !front.ask("\(FrontProcess.slots)/Slot_2").isInserted)
            let inserted = try await front.ask(
                "\(FrontProcess.slots)/Slot_2/Actions/VirtualMedia.InsertMedia",
                json: """
                    {"Image": "https://images.example/os.iso", "UserName": "me", "Password": "Secret-77",
                     "WriteProtected": false}
                    """)
            #expect(inserted.status == 204, "\(inserted)")
            #expect(try await daemon.firstLine() == "mount https://images.example/os.iso True 2")
            let slot = try await front.ask("\(FrontProcess.slots)/Slot_2")
            #expect(slot.isInserted && slot.object["Image"] as? String == "https://images.example/os.iso")
            #expect(slot.object["WriteProtected"] as? Bool == false && !slot.body.contains("Secret-77"))
            #expect(try await front.insert("https://images.example/b.iso", into: "Slot_2").status == 409)
            let missing = try await front.insert("https://images.example/missing.iso", into: "Slot_3")
            #expect((400..<600).contains(missing.status) && missing.status != 500, "\(missing)")
            #expect(try await daemon.firstLine() == "mount https://images.example/missing.iso False 0")
            #expect(try await front.eject("Slot_2").status == 204)
            #expect(try await daemon.firstLine() == "unmount")
            #expect(try await !front.ask("\(FrontProcess.slots)/Slot_2").isInserted)
            kill(daemon.processIdentifier, SIGKILL)
            try await front.wait(for: "Slot_2") { $0.status == 503 }
            #expect(await front.stop() == 0)
        }
    }

    @Test func `virtual-mediad itself is found, and missed once it has ended`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(
            Array(
                """
                {"MountPoints": {"Slot_1": {"EndpointId": "", "Mode": 1, "NBDDevice": "nbd9", "UnixSocket": "", \
                "Timeout": 20, "BlockSize": 512}}}
                """.utf8), to: "media.json")
        try await PrivateBus.daemon.run(in: folder) { address in
            let program = URL(fileURLWithPath: FrontProcess.program).deletingLastPathComponent()
                .appendingPathComponent("virtual-mediad").path
            let front = try await FrontProcess(bus: address, in: folder)
            let daemon = try RunningProgram(
                "/bin/sh",
                [
                    "-c",
                    "exec '\(program)' --config '\(folder.file("media.json"))' --address '\(address)' 2>/dev/null",
                ])
            try await front.wait(for: "Slot_1") { $0.status == 200 }
            #expect(await daemon.stop() == 0)
            try await front.wait(for: "Slot_1") { $0.status == 503 }
            #expect(await front.stop() == 0)
        }
    }
}
