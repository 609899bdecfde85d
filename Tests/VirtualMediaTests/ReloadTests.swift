import DBusProtocol
import Synchronization
import Testing

@testable import VirtualMedia

struct ReloadTests {
    /// What ``ServiceTests/serve(seed:schedule:_:)`` begins with.
    private static func configuration(_ change: (inout [SlotConfiguration]) -> Void = { _ in })
        -> MediaConfiguration
    {
        var proxy = SlotConfiguration(name: "Slot_0", mode: .proxy, device: "nbd0")
        proxy.socket = "/run/nbd0.sock"
        proxy.endpoint = "/nbd/0"
        var legacy = SlotConfiguration(name: "Slot_1", mode: .legacy, device: "nbd1")
        legacy.inactivitySeconds = 1800
        var slots = [proxy, legacy]
        change(&slots)
        return MediaConfiguration(slots: slots)
    }

    private static func slots(_ served: ServiceTests.Served) async throws -> String {
        "\(try await served.call(MediaInterfaces.rootPath, WellKnown.objectManager, "GetManagedObjects").body)"
    }

    @Test func `the same configuration changes nothing, whatever a slot is doing`() throws {
        try ServiceTests.serve { served in
            _ = try await served.call(
                ServiceTests.legacyPath, ServiceTests.legacy, "Mount", [ServiceTests.url])
            #expect(await served.service.reload(Self.configuration()).isEmpty)
            try await served.until { !served.bus.signals.isEmpty }
            #expect(served.bus.signals == ["\(ServiceTests.legacyPath) [DBusProtocol.Value.int32(0)]"])
        }
    }

    @Test func `empty slots come, go and change, and clients are told`() throws {
        try ServiceTests.serve { served in
            _ = try await Self.slots(served)
            let changes = await served.service.reload(
                Self.configuration { slots in
                    slots[1].timeoutSeconds = 77
                    slots[0] = SlotConfiguration(name: "Slot_2", mode: .legacy, device: "nbd2")
                })
            #expect(
                changes == [
                    SlotChange("Slot_0", .removed), SlotChange("Slot_1", .changed),
                    SlotChange("Slot_2", .added),
                ])
            let found = try await Self.slots(served)
            #expect(!found.contains(ServiceTests.proxyPath) && found.contains("/Legacy/Slot_2"))
            #expect(
                try await served.property(ServiceTests.legacyPath, "MountPoint", "Timeout") == .uint16(77))
            let told = served.bus.messages.filter { $0.kind == .signal }.compactMap(\.member)
            #expect(told.filter { $0 == "InterfacesRemoved" }.count == 2)
            #expect(told.filter { $0 == "InterfacesAdded" }.count == 2)
            let mount = try await served.call(
                ServiceTests.legacyPath, ServiceTests.legacy, "Mount", [ServiceTests.url])
            #expect(mount.body == [.boolean(true)])
            try await served.until { !served.bus.signals.isEmpty }
        }
    }

    @Test func `a slot in use keeps its configuration until it is empty and the next reload`() throws {
        try ServiceTests.serve { served in
            _ = try await served.call(
                ServiceTests.legacyPath, ServiceTests.legacy, "Mount", [ServiceTests.url])
            let wanted = Self.configuration { $0[1].timeoutSeconds = 77 }
            #expect(await served.service.reload(wanted) == [SlotChange("Slot_1", .inUse)])
            try await served.until { served.bus.signals.count == 1 }
            #expect(await served.service.reload(wanted) == [SlotChange("Slot_1", .inUse)])
            #expect(
                try await served.property(ServiceTests.legacyPath, "MountPoint", "Timeout") == .uint16(30))
            _ = try await served.call(ServiceTests.legacyPath, ServiceTests.legacy, "Unmount")
            try await served.until { served.bus.signals.count == 2 }
            #expect(await served.service.reload(wanted) == [SlotChange("Slot_1", .changed)])
            #expect(
                try await served.property(ServiceTests.legacyPath, "MountPoint", "Timeout") == .uint16(77))
        }
    }
}
