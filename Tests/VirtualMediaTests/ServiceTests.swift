import DBusProtocol
import Glibc
import SimulatedTime
import Testing

@testable import VirtualMedia

struct ServiceTests {
    static let legacyPath = "/xyz/openbmc_project/VirtualMedia/Legacy/Slot_1"
    static let proxyPath = "/xyz/openbmc_project/VirtualMedia/Proxy/Slot_0"
    static let prefix = "xyz.openbmc_project.VirtualMedia."
    static let legacy = prefix + "Legacy"
    static let url = Value.string("https://images/a.iso")

    struct Served: Sendable {
        let simulation: Simulation
        let world: FakeWorld
        let service: VirtualMediaService
        let bus: FakeBus

        /// Calls and waits for the answer.
        func call(
            _ path: String, _ interface: String?, _ member: String, _ body: [Value] = [],
            descriptors: [PassedDescriptor] = []
        ) async throws -> Message {
            let serial = bus.request(path, interface, member, body, descriptors: descriptors)
            return try await answer(to: serial)
        }

        func answer(to serial: UInt32) async throws -> Message {
            try await until { bus.answer(to: serial) != nil }
            return bus.answer(to: serial)!
        }

        func until(_ condition: () -> Bool) async throws {
            let deadline = simulation.clock.now + .seconds(200)
            while !condition() {
                try #require(simulation.clock.now < deadline)
                try await simulation.clock.sleep(for: .milliseconds(50))
            }
        }

        func property(_ path: String, _ interface: String, _ name: String) async throws -> Value? {
            let reply = try await call(
                path, "org.freedesktop.DBus.Properties", "Get",
                [.string(ServiceTests.prefix + interface), .string(name)])
            if case .variant(let value)? = reply.body.first { return value }
            return nil
        }
    }

    static func serve(
        seed: UInt64 = 1, schedule: Schedule = .firstInFirstOut,
        _ body: @escaping @Sendable (Served) async throws -> Void
    ) throws {
        try Simulation(seed: seed, schedule: schedule).run { simulation in
            let world = FakeWorld(simulation)
            var proxy = SlotConfiguration(name: "Slot_0", mode: .proxy, device: "nbd0")
            proxy.socket = "/run/nbd0.sock"
            proxy.endpoint = "/nbd/0"
            var legacy = SlotConfiguration(name: "Slot_1", mode: .legacy, device: "nbd1")
            legacy.inactivitySeconds = 1800
            let service = VirtualMediaService(
                MediaConfiguration(slots: [proxy, legacy]), on: world.platform,
                machineID: String(repeating: "0", count: 32))
            let bus = FakeBus()
            let serving = simulation.spawner.spawn("serve") { try? await service.serve(on: bus) }
            try await body(Served(simulation: simulation, world: world, service: service, bus: bus))
            await bus.close()
            await serving.finished()
            await service.shutDown()
            #expect(world.leftovers.isEmpty)
        }
    }

    /// - Returns: where the answer stands that accepts one of the calls; -1 when there is none.
    private static func acceptedMount(among calls: Set<UInt32>, _ messages: [Message]) -> Int {
        messages.firstIndex { $0.kind == .methodReturn && calls.contains($0.replySerial ?? 0) } ?? -1
    }

    static func descriptor() -> PassedDescriptor { PassedDescriptor(77, onRelease: { _ in }) }

    @Test func `the objects have the properties of the design document and those that clients read`() throws {
        try Self.serve { served in
            let expected: [(String, Value)] = [
                ("EndPointId", .string("/nbd/0")), ("EndpointId", .string("/nbd/0")), ("Mode", .byte(0)),
                ("Device", .string("nbd0")), ("Socket", .string("/run/nbd0.sock")), ("Timeout", .uint16(30)),
                ("BlockSize", .uint16(512)), ("RemainingInactivityTimeout", .uint16(0)),
                ("ImageURL", .string("")), ("WriteProtected", .boolean(true)),
            ]
            for (name, value) in expected {
                #expect(try await served.property(Self.proxyPath, "MountPoint", name) == value, "\(name)")
            }
            #expect(try await served.property(Self.proxyPath, "Process", "Active") == .boolean(false))
            #expect(try await served.property(Self.proxyPath, "Process", "ExitCode") == .int32(-1))
            #expect(try await served.property(Self.proxyPath, "Stats", "ReadIO") == .uint64(0))
            let managed = try await served.call(
                "/xyz/openbmc_project/VirtualMedia", "org.freedesktop.DBus.ObjectManager",
                "GetManagedObjects")
            #expect("\(managed.body)".contains(Self.proxyPath) && "\(managed.body)".contains(Self.legacyPath))
        }
    }

    static let mounts: [[Value]] = [
        [url], [url, .boolean(false), .variant(.int32(-1))], [url, .boolean(false), .variant(.unixFD(0))],
        [url, .boolean(false), .unixFD(0)],
    ]

    @Test(arguments: mounts)
    func `every form of Mount is understood and answered before its signals`(arguments: [Value]) throws {
        try Self.serve { served in
            served.world.state.withLock { $0.secrets = [Array("me\0secret\0".utf8)] }
            let reply = try await served.call(
                Self.legacyPath, Self.legacy, "Mount", arguments, descriptors: [Self.descriptor()])
            #expect(reply.body == [.boolean(true)])
            try await served.until { !served.bus.signals.isEmpty }
            #expect(served.bus.signals == ["\(Self.legacyPath) [DBusProtocol.Value.int32(0)]"])
            let first = served.bus.messages.firstIndex { $0.kind == .signal }!
            #expect(served.bus.messages.firstIndex { $0.replySerial == 1 }! < first)
            #expect(try await served.property(Self.legacyPath, "Process", "Active") == .boolean(true))
            #expect(try await served.property(Self.legacyPath, "MountPoint", "ImageURL") == Self.url)
            #expect(
                try await served.property(Self.legacyPath, "MountPoint", "RemainingInactivityTimeout")
                    == .uint16(1800))
            let unmounted = try await served.call(Self.legacyPath, Self.legacy, "Unmount")
            #expect(unmounted.body == [.boolean(true)])
            try await served.until { served.bus.signals.count == 2 }
        }
    }

    @Test func `requests at the wrong time are refused by name`() throws {
        try Self.serve { served in
            let early = try await served.call(Self.legacyPath, Self.legacy, "Unmount")
            #expect(early.errorName == "org.freedesktop.DBus.Error.AccessDenied")
            let serials = (0..<3).map { _ in
                served.bus.request(Self.legacyPath, Self.legacy, "Mount", [Self.url])
            }
            var names: [String?] = []
            for serial in serials { names.append(try await served.answer(to: serial).errorName) }
            #expect(names == [nil, "System.Error.EBUSY", "System.Error.EBUSY"])
            try await served.until { served.bus.signals.count == 1 }
            let twice = try await served.call(Self.legacyPath, Self.legacy, "Mount", [Self.url])
            #expect(twice.errorName == "org.freedesktop.DBus.Error.AccessDenied")
            #expect(served.bus.signals.count == 1)
        }
    }

    static let badSecrets: [[String]] = [
        ["me\0secret"], ["me\0secret\0more"], ["me\0\0\0"], [String(repeating: "x", count: 2000)],
        ["me", "\0secret\0\0"],
    ]

    @Test(arguments: badSecrets)
    func `a malformed secret is refused without a word of it`(portions: [String]) throws {
        try Self.serve { served in
            served.world.state.withLock { $0.secrets = portions.map { Array($0.utf8) } + [[]] }
            let reply = try await served.call(
                Self.legacyPath, Self.legacy, "Mount", [Self.url, .boolean(false), .unixFD(0)],
                descriptors: [Self.descriptor()])
            #expect(reply.errorName == "org.freedesktop.DBus.Error.InvalidArgs")
            #expect(!"\(reply.body)".contains("secret"))
            #expect(served.world.state.withLock { $0.openedImages } == 0)
        }
    }

    @Test func `a secret in small portions arrives whole and shows nowhere`() throws {
        try Self.serve { served in
            let secret = Array("me\0hunter2\0".utf8)
            served.world.state.withLock {
                $0.secrets = stride(from: 0, to: secret.count, by: 3).map {
                    Array(secret[$0..<min($0 + 3, secret.count)])
                }
            }
            _ = try await served.call(
                Self.legacyPath, Self.legacy, "Mount", [Self.url, .boolean(false), .variant(.unixFD(0))],
                descriptors: [Self.descriptor()])
            try await served.until { !served.bus.signals.isEmpty }
            #expect(served.world.state.withLock { $0.seenPasswords } == [Array("hunter2".utf8)])
            #expect(!"\(served.bus.messages)".contains("hunter2"))
        }
    }

    @Test func `a caller that never writes its secret holds up nobody else`() throws {
        try Self.serve { served in
            let serial = served.bus.request(
                Self.legacyPath, Self.legacy, "Mount", [Self.url, .boolean(false), .unixFD(0)],
                descriptors: [Self.descriptor()])
            #expect(try await served.property(Self.proxyPath, "MountPoint", "Mode") == .byte(0))
            let second = try await served.call(
                Self.legacyPath, Self.legacy, "Mount", [Self.url, .boolean(false), .unixFD(0)],
                descriptors: [Self.descriptor()])
            #expect(second.errorName == "System.Error.EBUSY")
            let reply = try await served.answer(to: serial)
            #expect(reply.errorName == "org.freedesktop.DBus.Error.Timeout")
            #expect(served.simulation.clock.now < .seconds(7))
        }
    }

    static let badCalls: [(String, [Value])] = [
        ("Mount", []), ("Mount", [.int32(1)]), ("Mount", [.string("")]),
        ("Mount", [.string("https://me:hunter2@images/a.iso")]), ("Mount", [.string("https://a/b c")]),
        ("Mount", [.string(String(repeating: "a", count: 1 << 20))]),
        ("Mount", [url, .boolean(true), .unixFD(0)]),
        ("Mount", [url, .boolean(true), .variant(.string("x"))]),
        ("Mount", [url, .boolean(true), .variant(.unixFD(3))]),
        (
            "MountWith",
            [url, .dictionary(key: "s", value: "v", [.init(.string("Kind"), .variant(.string("tape")))])]
        ),
        (
            "MountWith",
            [url, .dictionary(key: "s", value: "v", [.init(.string("Size"), .variant(.int32(1)))])]
        ),
    ]

    @Test(arguments: badCalls.indices)
    func `a call that makes no sense is refused without echoing it`(index: Int) throws {
        let (member, arguments) = Self.badCalls[index]
        try Self.serve { served in
            let reply = try await served.call(Self.legacyPath, nil, member, arguments)
            #expect(reply.errorName == "org.freedesktop.DBus.Error.InvalidArgs")
            #expect(!"\(reply.body)".contains("hunter2"))
            #expect("\(reply.body)".utf8.count < 1000)
        }
    }

    @Test func `options choose a CD-ROM for one mount`() throws {
        try Self.serve { served in
            let options = Value.dictionary(
                key: "s", value: "v", [.init(.string("Kind"), .variant(.string("cdrom")))])
            _ = try await served.call(Self.proxyPath, nil, "MountWith", [.string(""), options])
            try await served.until { !served.bus.signals.isEmpty }
            let changes = served.bus.messages.filter { $0.member == "PropertiesChanged" }
            #expect("\(changes)".contains("cdrom"))
            #expect(
                try await served.property(Self.proxyPath, "MountPoint", "WriteProtected") == .boolean(true))
        }
    }

    @Test func `what properties say is what was announced`() throws {
        try Self.serve { served in
            _ = try await served.call(Self.legacyPath, Self.legacy, "Mount", [Self.url])
            try await served.until { !served.bus.signals.isEmpty }
            try await served.simulation.clock.sleep(for: .seconds(3))
            _ = try await served.call(Self.legacyPath, Self.legacy, "Unmount")
            try await served.until { served.bus.signals.count == 2 }
            var announced: [String] = []
            for message in served.bus.messages where message.member == "PropertiesChanged" {
                announced.append("\(message.body)")
            }
            let states = announced.filter { $0.contains("\"State\"") }
            #expect(states.count == 4)
            for (text, state) in zip(states, ["Activating", "Active", "Deactivating", "Ready"]) {
                #expect(text.contains("\"\(state)\""))
            }
            #expect(
                announced.filter { $0.contains("\"Active\"), value: DBusProtocol.Value.variant") }.count == 2)
        }
    }

    @Test func `a bus that ends leaves media mounted for the next connection`() throws {
        try Self.serve { served in
            _ = try await served.call(Self.legacyPath, Self.legacy, "Mount", [Self.url])
            try await served.until { !served.bus.signals.isEmpty }
            await served.bus.close()
            let next = FakeBus()
            let serving = served.simulation.spawner.spawn("serve again") {
                try? await served.service.serve(on: next)
            }
            let again = Served(
                simulation: served.simulation, world: served.world, service: served.service, bus: next)
            #expect(try await again.property(Self.legacyPath, "Process", "Active") == .boolean(true))
            await next.close()
            await serving.finished()
        }
    }

    @Test func `what a bus did not take is told to the next one: the state and then the Completion`() throws {
        try Self.serve { served in
            while await served.service.reports().isEmpty { await Task.yield() }
            served.bus.request(Self.legacyPath, Self.legacy, "Mount", [Self.url])
            await served.bus.close()
            while await served.service.reports().last?.report.state != .active {
                try await served.simulation.clock.sleep(for: .milliseconds(1))
            }
            let next = FakeBus()
            let serving = served.simulation.spawner.spawn("serve again") {
                try? await served.service.serve(on: next)
            }
            let again = Served(
                simulation: served.simulation, world: served.world, service: served.service, bus: next)
            try await again.until { !next.signals.isEmpty }
            try await served.simulation.clock.sleep(for: .seconds(60))
            #expect(next.signals == ["\(Self.legacyPath) [DBusProtocol.Value.int32(0)]"])
            let texts = next.messages.map { "\($0.member ?? "") \($0.path ?? "") \($0.body)" }
            let state = texts.firstIndex { $0.contains(Self.legacyPath) && $0.contains("\"Active\")") }
            let completion = texts.firstIndex { $0.hasPrefix("Completion") }
            #expect(try #require(state) < #require(completion))
            await next.close()
            await serving.finished()
        }
    }

    @Test(arguments: UInt64(1)...40)
    func `a caller hears how its unmount ended before it hears that the next mount is accepted`(
        seed: UInt64
    ) throws {
        try Self.serve(seed: seed, schedule: .random) { served in
            _ = try await served.call(Self.legacyPath, Self.legacy, "Mount", [Self.url])
            try await served.until { !served.bus.signals.isEmpty }
            served.bus.request(Self.legacyPath, Self.legacy, "Unmount")
            // Busy until the unmount is over; asked so often that the first chance is taken.
            var answer = Self.acceptedMount(among: [], served.bus.messages)
            while answer < 0 {
                var mounts: Set<UInt32> = []
                for _ in 0..<20 {
                    mounts.insert(served.bus.request(Self.legacyPath, Self.legacy, "Mount", [Self.url]))
                }
                try await served.simulation.clock.sleep(for: .microseconds(100))
                answer = Self.acceptedMount(among: mounts, served.bus.messages)
            }
            let messages = served.bus.messages
            let completions = messages.indices.filter { messages[$0].member == "Completion" }
            let earlier = completions.count { $0 < answer }
            #expect(earlier == 2, "seed \(seed)")
            try await served.until { served.bus.signals.count == 3 }
        }
    }

    @Test func `a second service without the bus name leaves the media of the first alone`() throws {
        try Self.serve { served in
            _ = try await served.call(Self.legacyPath, Self.legacy, "Mount", [Self.url])
            try await served.until { !served.bus.signals.isEmpty }
            let second = VirtualMediaService(
                MediaConfiguration(slots: [SlotConfiguration(name: "Slot_1", mode: .legacy, device: "nbd1")]),
                on: served.world.platform, machineID: String(repeating: "0", count: 32))
            await #expect(throws: BusError.self) { try await second.serve(on: FakeBus(nameReply: 3)) }
            #expect(served.world.leftovers.contains("gadget mass-storage-Slot_1"))
        }
    }

    @Test func `the end of the service is told on the bus`() throws {
        try Self.serve { served in
            _ = try await served.call(Self.legacyPath, Self.legacy, "Mount", [Self.url])
            try await served.until { !served.bus.signals.isEmpty }
            await served.service.shutDown()
            try await served.until { "\(served.bus.messages.last?.body ?? [])".contains("Ready") }
        }
    }

    @Test func `a burst of uevents in any order changes nothing`() throws {
        try Self.serve { served in
            _ = try await served.call(Self.legacyPath, Self.legacy, "Mount", [Self.url])
            for number in 0..<2000 {
                served.world.uevents.continuation.yield(
                    Uevent(
                        action: ["add", "change", "remove"][number % 3],
                        devicePath: "/devices/virtual/block/nbd\(number % 12)", subsystem: "block",
                        sequenceNumber: UInt64(2000 - number), properties: []))
            }
            try await served.until { !served.bus.signals.isEmpty }
            #expect(try await served.property(Self.legacyPath, "Process", "Active") == .boolean(true))
        }
    }
}
