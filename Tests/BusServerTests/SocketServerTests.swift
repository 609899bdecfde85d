import BusServer
import DBusProtocol
import Foundation
import LinuxPlatform
import MessageBus
import TestSupport
import Testing

/// A bus of its own for each test, on a socket in a folder that goes away.
struct TestBus {
    let folder: TemporaryFolder
    let host: BusHost

    init(_ change: (inout BusConfiguration) -> Void = { _ in }) throws {
        folder = try TemporaryFolder()
        var configuration = BusConfiguration(listen: [BusConfiguration.address(ofPath: folder.file("bus"))])
        change(&configuration)
        host = try BusHost(configuration)
    }

    var address: String { host.addresses[0] }
}

struct SocketServerTests {
    @Test func `a client on the socket and one in memory talk to each other`() async throws {
        let test = try TestBus()
        defer { test.host.stop() }
        let remote = try await SocketBusConnection.connect(to: test.address)
        let local = try await test.host.bus.connect(PeerCredentials(userID: 0, processID: nil))
        async let answer = remote.call(
            .methodCall(destination: local.uniqueName, path: "/", interface: "a.b", member: "Ask"))
        for await message in local.incoming where message.kind == .methodCall {
            try await local.send(.methodReturn(to: message, body: [.string("yes")]))
            break
        }
        #expect(try await answer.body == [.string("yes")])
        await remote.close()
        await local.close()
    }
}
