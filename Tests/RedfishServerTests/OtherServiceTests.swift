import DBusProtocol
import HTTPTypes
import MessageBus
import SimulatedTime
import Synchronization
import Testing
import VirtualMedia

@testable import RedfishServer

/// The front before a virtual media service that is not ours: OpenBMC's interfaces as they were shipped. It spells
/// EndpointId so, counts in signed numbers, announces no change, and takes `Mount(sbv)` only.
struct OtherServiceTests {
    static let root = "/xyz/openbmc_project/VirtualMedia"
    static let prefix = "xyz.openbmc_project.VirtualMedia."

    /// What that service does.
    actor OtherDaemon {
        private let connection: any BusConnection
        private(set) var calls: [Message] = []
        private var imageURL = ""
        private var isActive = false
        /// The code with which the next mount ends; `nil` never tells.
        var outcome: Int32? = 0
        /// Sends the Completion before the answer to the call.
        var isHasty = false
        var isSilent = false

        init(_ connection: any BusConnection) { self.connection = connection }

        func prepare(outcome: Int32? = 0, isHasty: Bool = false, isSilent: Bool = false) {
            (self.outcome, self.isHasty, self.isSilent) = (outcome, isHasty, isSilent)
        }

        func run() async {
            for await message in connection.incoming where message.kind == .methodCall {
                calls.append(message)
                if isSilent { continue }
                await handle(message)
            }
        }

        private func handle(_ call: Message) async {
            switch call.member {
            case "GetManagedObjects":
                let objects = Value.dictionary(
                    key: "o", value: "a{sa{sv}}",
                    [
                        .init(.objectPath(root), .dictionary(key: "s", value: "a{sv}", [])),
                        .init(.objectPath(root + "/Legacy/USB1"), object(prefix + "Legacy", isLegacy: true)),
                        .init(.objectPath(root + "/Proxy/USB0"), object(prefix + "Proxy", isLegacy: false)),
                    ])
                try? await connection.send(.methodReturn(to: call, body: [objects]))
            case "Mount":
                guard call.signature == "sbv", case .string(let url) = call.body[0] else {
                    return await refuse(call, ErrorName.invalidArguments)
                }
                guard !isActive else { return await refuse(call, ErrorName.accessDenied) }
                (imageURL, isActive) = outcome == 0 ? (url, true) : ("", false)
                await accept(call, outcome)
            case "Unmount":
                guard isActive else { return await refuse(call, ErrorName.accessDenied) }
                (imageURL, isActive) = ("", false)
                await accept(call, 0)
            default: await refuse(call, ErrorName.unknownMethod)
            }
        }

        private func refuse(_ call: Message, _ name: String) async {
            try? await connection.send(.error(to: call, BusError(name, "no")))
        }

        private func accept(_ call: Message, _ code: Int32?) async {
            let completion = code.map { code in
                Message.signal(
                    path: call.path ?? "", interface: prefix + "Legacy", member: "Completion",
                    body: [.int32(code)])
            }
            if isHasty, let completion { try? await connection.send(completion) }
            try? await connection.send(.methodReturn(to: call, body: [.boolean(true)]))
            if !isHasty, let completion { try? await connection.send(completion) }
        }

        private func object(_ methods: String, isLegacy: Bool) -> Value {
            func properties(_ values: [(String, Value)]) -> Value {
                .dictionary(key: "s", value: "v", values.map { .init(.string($0.0), .variant($0.1)) })
            }
            return .dictionary(
                key: "s", value: "a{sv}",
                [
                    .init(.string(methods), properties([])),
                    .init(
                        .string(prefix + "MountPoint"),
                        properties([
                            ("EndpointId", .string(isLegacy ? "" : "/nbd/0")), ("Device", .string("nbd0")),
                            ("Timeout", .int32(30)), ("RemainingInactivityTimeout", .int32(0)),
                            ("ImageURL", .string(isLegacy ? imageURL : "")),
                            ("WriteProtected", .boolean(true)), ("Unheard", .double(1.5)),
                        ])),
                    .init(
                        .string(prefix + "Process"),
                        properties([("Active", .boolean(isLegacy && isActive)), ("ExitCode", .int32(-1))])),
                ])
        }
    }

    static func run(
        seed: UInt64 = 1, schedule: Schedule = .firstInFirstOut,
        _ body: @escaping @Sendable (Simulation, RedfishService, OtherDaemon) async throws -> Void
    ) throws {
        try Simulation(seed: seed, schedule: schedule).run { simulation in
            let bus = MessageBus(
                BusCore(
                    guid: String(repeating: "1", count: 32), machineID: String(repeating: "0", count: 32),
                    userID: 0, processID: 1), clock: simulation.clock, spawner: simulation.spawner)
            let connection = try await bus.connect(PeerCredentials(userID: 0, processID: 2))
            _ = try await connection.call(
                .methodCall(
                    destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus,
                    member: "RequestName",
                    body: [.string("xyz.openbmc_project.VirtualMedia"), .uint32(4)]))
            let daemon = OtherDaemon(connection)
            simulation.spawner.spawn("daemon") { await daemon.run() }
            let service = try await RedfishService(
                RedfishConfiguration(
                    initialAccounts: [.init("root", password: Front.password)],
                    uuid: "00000000-0000-4000-8000-000000000001"),
                on: RedfishPlatform(
                    bus: Connector(bus: bus), clock: simulation.clock, wallClock: NoWallClock(),
                    spawner: simulation.spawner, entropy: SeededEntropy(simulation),
                    passwords: QuickHashing(), accounts: MemoryAccountStore(), secrets: Pipes()))
            let running = simulation.spawner.spawn("front") { await service.run() }
            let deadline = simulation.clock.now + .seconds(60)
            while await service.slots() == nil {
                try #require(simulation.clock.now < deadline)
                try await simulation.clock.sleep(for: .milliseconds(100))
            }
            try await body(simulation, service, daemon)
            running.cancel()
            await running.finished()
            await connection.close()
        }
    }

    static let slot = "/redfish/v1/Managers/bmc/VirtualMedia/USB1"

    static func send(
        _ service: RedfishService, _ method: HTTPRequest.Method, _ path: String, _ body: String = ""
    )
        async -> Answer
    {
        await service.respond(
            to: HTTPRequest(
                method: method, scheme: "https", authority: "bmc", path: path,
                headerFields: [.authorization: Front.basic, .contentType: "application/json"]),
            body: Array(body.utf8), peer: Peer(address: "192.0.2.1"))
    }

    static let image = #"{"Image": "https://images.example/a.iso", "UserName": "me", "Password": "pw"}"#

    @Test(arguments: [false, true], 1...8 as ClosedRange<UInt64>)
    func `media go in and out, and what is shown is read anew each time`(isHasty: Bool, seed: UInt64) throws {
        try Self.run(seed: seed, schedule: .random) { _, service, daemon in
            await daemon.prepare(isHasty: isHasty)
            let before = await Self.send(service, .get, Self.slot)
            #expect(before.json?["Inserted"]?.flag == false)
            #expect(before.json?["VerifyCertificate"] == nil)
            let collection = await Self.send(service, .get, "/redfish/v1/Managers/bmc/VirtualMedia")
            #expect(collection.json?.members == [Self.slot, "/redfish/v1/Managers/bmc/VirtualMedia/USB0"])
            let inserted = await Self.send(
                service, .post, Self.slot + "/Actions/VirtualMedia.InsertMedia", Self.image)
            #expect(inserted.status == 204, "\(inserted.text)")
            let after = await Self.send(service, .get, Self.slot)
            #expect(after.json?["Inserted"]?.flag == true)
            #expect(after.json?["Image"]?.text == "https://images.example/a.iso")
            #expect(after.json?["ConnectedVia"]?.text == "URI")
            let mount = try #require(await daemon.calls.first { $0.member == "Mount" })
            #expect(mount.body[1...] == [.boolean(false), .variant(.unixFD(0))])
            #expect(mount.descriptors.count == 1)
            let ejected = await Self.send(service, .post, Self.slot + "/Actions/VirtualMedia.EjectMedia")
            #expect(ejected.status == 204, "\(ejected.text)")
            #expect(await Self.send(service, .get, Self.slot).json?["Inserted"]?.flag == false)
        }
    }

    static let codes: [(code: Int32, status: Int, message: String)] = [
        (22, 400, "ImageInvalid"), (111, 502, "ConnectionRefused"), (16, 503, "DeviceBusy"),
        (5, 503, "MediaPathFailed"), (125, 409, "Cancelled"), (200, 502, "UnknownFailure"),
    ]

    @Test(arguments: codes.indices)
    func `how a mount ended is said as that service means it`(index: Int) throws {
        let (code, status, message) = Self.codes[index]
        try Self.run { _, service, daemon in
            await daemon.prepare(outcome: code)
            let answer = await Self.send(
                service, .post, Self.slot + "/Actions/VirtualMedia.InsertMedia", Self.image)
            #expect(answer.status == status)
            #expect(answer.messageIDs == ["MediaRig.1.0.\(message)"])
            #expect(await Self.send(service, .get, Self.slot).json?["Inserted"]?.flag == false)
        }
    }

    @Test func `a service that never tells how a mount ended leaves a task that ends all the same`() throws {
        try Self.run { simulation, service, daemon in
            await daemon.prepare(outcome: nil)
            let answer = await Self.send(
                service, .post, Self.slot + "/Actions/VirtualMedia.InsertMedia", Self.image)
            #expect(answer.status == 202)
            let task = try #require(answer.json?["@odata.id"]?.text)
            try await simulation.clock.sleep(for: .seconds(100))
            let ended = await Self.send(service, .get, task)
            #expect(ended.json?["TaskState"]?.text == "Exception")
            #expect(
                ended.json?["Messages"]?.elements.first?["MessageId"]?.text == "MediaRig.1.0.ServiceSilent")
        }
    }

    @Test func `a service that answers nothing holds no request for longer than its limit`() throws {
        try Self.run { simulation, service, daemon in
            await daemon.prepare(isSilent: true)
            let start = simulation.clock.now
            let answer = await Self.send(service, .get, Self.slot)
            #expect(simulation.clock.now - start <= RedfishLimits.busAnswer + .seconds(1))
            // What is known of it is what was true when it last answered.
            #expect([200, 503].contains(answer.status))
        }
    }
}

private struct Connector: BusConnector {
    let bus: MessageBus
    func connect() async throws(BusError) -> any BusConnection {
        try await bus.connect(PeerCredentials(userID: 0, processID: 3))
    }
}

private struct NoWallClock: WallClock { var secondsSince1970: Int64 { 0 } }

private struct Pipes: SecretPipes {
    func pipe(holding bytes: [UInt8]) throws(SystemError) -> PassedDescriptor {
        PassedDescriptor(77, onRelease: { _ in })
    }
}
