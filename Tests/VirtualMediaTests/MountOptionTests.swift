import DBusProtocol
import Testing

@testable import VirtualMedia

/// Options of MountWith that reach the image source.
struct MountOptionTests {
    private static func options(_ authorities: Value) -> Value {
        .dictionary(key: "s", value: "v", [.init(.string("Authorities"), .variant(authorities))])
    }

    @Test func `certificates that come with a mount reach the source of the image`() throws {
        try ServiceTests.serve { served in
            let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
            let reply = try await served.call(
                ServiceTests.legacyPath, nil, "MountWith",
                [ServiceTests.url, Self.options(.string(pem))])
            #expect(reply.body == [.boolean(true)])
            try await served.until { !served.bus.signals.isEmpty }
            #expect(served.world.state.withLock { $0.seenAuthorities } == [pem])
            _ = try await served.call(ServiceTests.legacyPath, ServiceTests.legacy, "Unmount")
            try await served.until { served.bus.signals.count == 2 }
            _ = try await served.call(
                ServiceTests.legacyPath, ServiceTests.legacy, "Mount", [ServiceTests.url])
            try await served.until { served.bus.signals.count == 3 }
            #expect(served.world.state.withLock { $0.seenAuthorities } == [pem, nil])
        }
    }

    static let wrong: [Value] = [
        .string(""), .string(String(repeating: "x", count: MountCall.maximumAuthorityBytes + 1)),
        .boolean(true),
    ]

    @Test(arguments: wrong.indices)
    func `certificates that are none or too many are refused`(index: Int) throws {
        try ServiceTests.serve { served in
            let reply = try await served.call(
                ServiceTests.legacyPath, nil, "MountWith",
                [ServiceTests.url, Self.options(Self.wrong[index])])
            #expect(reply.errorName == "org.freedesktop.DBus.Error.InvalidArgs")
            #expect("\(reply.body)".utf8.count < 1000)
        }
    }
}
