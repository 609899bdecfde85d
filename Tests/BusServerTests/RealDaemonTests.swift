import BusServer
import DBusProtocol
import Foundation
import LinuxPlatform
import MessageBus
import TestSupport
import Testing

/// The client side against Debian's dbus-daemon, on a private bus; the same against ours.
struct RealDaemonTests {
    private static let configuration = """
        <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
         "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
        <busconfig><type>session</type><listen>unix:path=SOCKET</listen><policy context="default">
        <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
        </policy></busconfig>
        """

    /// Runs `body` with the address of a private dbus-daemon, or of our own bus.
    private func withBus(real: Bool, _ body: (String) async throws -> Void) async throws {
        guard real else {
            let test = try TestBus()
            defer { test.host.stop() }
            return try await body(test.address)
        }
        let folder = try TemporaryFolder()
        let socket = folder.file("real")
        let text = Self.configuration.replacingOccurrences(of: "SOCKET", with: socket)
        let file = try folder.write(Array(text.utf8), to: "bus.conf")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Capability.path(ofTool: "dbus-daemon")))
        process.arguments = ["--config-file=\(file)", "--nofork", "--print-address=1", "--nosyslog"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        // Children of a Dispatch thread are born with SIGTERM blocked.
        defer { kill(process.processIdentifier, SIGKILL) }
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        try await body(line.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    @Test(
        .enabled(if: Capability.tool("dbus-daemon").isUsable, "dbus-daemon is not installed"),
        arguments: [true, false])
    func `our client and our service work on either bus, descriptors both ways`(real: Bool) async throws {
        try await withBus(real: real) { address in
            let service = try await ExampleService(try await SocketBusConnection.connect(to: address))
            let client = try await SocketBusConnection.connect(to: address)
            #expect(Names.isUnique(client.uniqueName))
            func call(_ member: String, _ body: [Value], _ descriptors: [PassedDescriptor] = [])
                async throws(BusError)
                -> [Value]
            {
                var call = Message.methodCall(
                    destination: ExampleService.name, path: ExampleService.path,
                    interface: ExampleService.interface, member: member, body: body)
                call.descriptors = descriptors
                return try await client.call(call).body
            }
            let words = Value.array(element: "s", [.string("x"), .string("y")])
            #expect(try await call("Join", [words, .string("/")]) == [.string("x/y")])
            var ends: [CInt] = [0, 0]
            try #require(pipe(&ends) == 0)
            _ = write(ends[1], Array("twelve bytes".utf8), 12)
            close(ends[1])
            let descriptor = PassedDescriptor(ends[0]) { close($0) }
            #expect(try await call("ReadAll", [.unixFD(0)], [descriptor]) == [.uint64(12)])
            let large = Value.variant(.array(element: "y", Array(repeating: .byte(7), count: 300_000)))
            #expect(try await call("Echo", [large]) == [large])
            await #expect(throws: BusError("org.mediarig.Example.Error", "no")) {
                try await call("Fail", [.string("no")])
            }
            await service.stop()
            let error = await #expect(throws: BusError.self) { try await call("Fail", [.string("late")]) }
            // The bus may or may not have seen it go when the call arrives.
            #expect([ErrorName.serviceUnknown, ErrorName.noReply].contains(error?.name))
            await client.close()
            await #expect(throws: BusError.self) { try await call("Fail", [.string("closed")]) }
        }
    }

    @Test(arguments: [
        ("unix:path=/nowhere/at/all", ErrorName.noServer), ("tcp:host=localhost", ErrorName.badAddress),
        ("nonsense", ErrorName.badAddress), ("unix:path=%zz", ErrorName.badAddress),
        ("", ErrorName.badAddress),
        ("unix:path=/nowhere;unix:abstract=mediarig-nobody-listens", ErrorName.noServer),
    ])
    func `an address that leads nowhere says why`(address: String, name: String) async {
        let error = await #expect(throws: BusError.self) {
            try await SocketBusConnection.connect(to: address)
        }
        #expect(error?.name == name)
    }
}
