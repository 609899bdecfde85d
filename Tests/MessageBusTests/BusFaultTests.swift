import DBusProtocol
import FaultPoints
import MessageBus
import SimulatedTime
import Synchronization
import Testing

/// Faults on a bus in virtual time, between a service that echoes and signals, and its caller.
struct BusFaultTests {
    static let path = "/xyz/openbmc_project/VirtualMedia/Legacy/Slot_0"
    static let interface = "xyz.openbmc_project.VirtualMedia.Legacy"

    struct World: Sendable {
        let simulation: Simulation
        let bus: MessageBus
        let service: WiredBusConnection
        let caller: WiredBusConnection
        let heard = Log()

        func mount() async -> String {
            do throws(BusError) {
                let reply = try await caller.call(
                    .methodCall(
                        destination: service.uniqueName, path: BusFaultTests.path,
                        interface: BusFaultTests.interface, member: "Mount", body: [.string("u")]))
                heard.add("reply")
                return reply.body.first?.text ?? "nothing"
            } catch {
                heard.add("error")
                return String(error.name.split(separator: ".").last ?? "")
            }
        }

        /// Lets everything that is under way arrive.
        func settle() async { try? await simulation.clock.sleep(for: .milliseconds(10)) }
    }

    final class Log: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    /// The service answers a Mount, then signals Completion; both and what the service heard are logged.
    static func run<Result: Sendable>(
        seed: UInt64 = 1, _ faults: any FaultInjector,
        _ body: @escaping @Sendable (World) async throws -> Result
    ) throws -> Result {
        try Simulation(seed: seed).run { simulation in
            let core = BusCore(
                guid: String(repeating: "b", count: 32), machineID: String(repeating: "c", count: 32),
                userID: 0)
            let bus = MessageBus(core, clock: simulation.clock, spawner: simulation.spawner)
            let service = try await bus.connect(PeerCredentials(userID: 0, processID: 1))
            let caller = try await bus.connect(PeerCredentials(userID: 0, processID: 2))
            _ = try await caller.call(
                .methodCall(
                    destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus,
                    member: "AddMatch", body: [.string("type='signal',member='Completion'")]))
            bus.intercept(with: faults, clock: simulation.clock)
            let world = World(simulation: simulation, bus: bus, service: service, caller: caller)
            simulation.spawner.spawn("service") {
                for await call in service.incoming where call.kind == .methodCall {
                    world.heard.add("call")
                    if !call.flags.contains(.noReplyExpected) {
                        try? await service.send(.methodReturn(to: call, body: call.body))
                    }
                    // Later, so that no schedule decides which of the two is heard first.
                    try? await simulation.clock.sleep(for: .milliseconds(1))
                    try? await service.send(
                        .signal(path: path, interface: interface, member: "Completion", body: [.int32(0)]))
                }
                world.heard.add("service cut")
            }
            simulation.spawner.spawn("caller") {
                for await message in caller.incoming where message.member == "Completion" {
                    world.heard.add("signal")
                }
                world.heard.add("caller cut")
            }
            return try await body(world)
        }
    }

    static func fault(_ operation: String, _ actions: FaultAction...) -> InjectorOf {
        InjectorOf { $0.operation == operation && $0.target.hasSuffix("Legacy.Mount") ? actions : [] }
    }

    static func signalFault(_ actions: FaultAction...) -> InjectorOf {
        InjectorOf { $0.operation == "signal" ? actions : [] }
    }

    // Reply and signal are heard by two tasks of the caller, so their order in the log is the schedule's.

    @Test func `without faults the reply and the signal arrive, once each`() throws {
        try Self.run(NoFaults()) { world in
            #expect(await world.mount() == "u")
            await world.settle()
            #expect(world.heard.all.sorted() == ["call", "reply", "signal"])
        }
    }

    @Test func `every message is told with what it is, for whom and where`() throws {
        let met = Mutex<[FaultOccasion]>([])
        let faults = InjectorOf { occasion in
            met.withLock { $0.append(occasion) }
            return []
        }
        try Self.run(faults) { world in
            _ = await world.mount()
            await world.settle()
        }
        let seen = met.withLock { $0 }
        #expect(seen.map(\.operation) == ["call", "return", "signal"])
        #expect(
            seen.map(\.target) == ["Mount", "Mount", "Completion"].map { "\(Self.interface).\($0)" })
        #expect(seen.allSatisfy { $0.slot == "Slot_0" && $0.layer == .dbus })
    }

    @Test func `a call that fails by its fault fails by that name`() throws {
        for (action, name) in [
            (FaultAction.fail(errno: 5), "Failed"), (.special("access-denied", 0), "AccessDenied"),
            (.special("limits", 0), "LimitsExceeded"), (.special("no-reply", 0), "NoReply"),
        ] {
            try Self.run(Self.fault("call", action)) { world in
                #expect(await world.mount() == name)
                await world.settle()
                #expect(world.heard.all == ["error"])
            }
        }
        try Self.run(Self.fault("call", .special("no-reply", 25_000))) { world in
            #expect(await world.mount() == "NoReply")
            #expect(world.simulation.clock.now == .seconds(25))
        }
    }

    @Test func `messages are late, held, lost and repeated`() throws {
        try Self.run(Self.fault("return", .delay(.seconds(7)))) { world in
            #expect(await world.mount() == "u")
            #expect(world.simulation.clock.now == .seconds(7))
            #expect(world.heard.all == ["call", "signal", "reply"])
        }
        let hold = FaultHold()
        try Self.run(Self.fault("call", .hold(hold), .delay(.seconds(1)))) { world in
            world.simulation.spawner.spawn("release") {
                try? await world.simulation.clock.sleep(for: .seconds(3))
                hold.release()
            }
            #expect(await world.mount() == "u")
            #expect(world.simulation.clock.now == .seconds(4))
        }
        try Self.run(Self.signalFault(.drop)) { world in
            _ = await world.mount()
            await world.settle()
            #expect(world.heard.all == ["call", "reply"])
        }
        try Self.run(Self.signalFault(.duplicate)) { world in
            _ = await world.mount()
            await world.settle()
            #expect(world.heard.all.sorted() == ["call", "reply", "signal", "signal"])
        }
        try Self.run(Self.fault("call", .duplicate)) { world in
            #expect(await world.mount() == "u")
            await world.settle()
            #expect(world.heard.all.filter { $0 == "call" }.count == 2)
            #expect(world.heard.all.filter { $0 == "reply" }.count == 1)
        }
    }

    @Test func `the signal can overtake the reply, and nobody waits for ever to be overtaken`() throws {
        try Self.run(Self.fault("return", .reorder(behind: 1))) { world in
            #expect(await world.mount() == "u")
            #expect(world.heard.all == ["call", "signal", "reply"])
            #expect(world.simulation.clock.now == .milliseconds(1))
        }
        try Self.run(Self.signalFault(.reorder(behind: 5))) { world in
            _ = await world.mount()
            try await world.simulation.clock.sleep(for: .milliseconds(1002))
            #expect(world.heard.all == ["call", "reply", "signal"])
        }
    }

    @Test func `a cut ends the connection of the sender or of the receiver`() throws {
        try Self.run(Self.fault("call", .special("disconnect", 0))) { world in
            #expect(await world.mount() == "Disconnected")
            await world.settle()
            #expect(world.heard.all.sorted() == ["caller cut", "error"])
        }
        try Self.run(Self.fault("call", .special("disconnect-receiver", 0))) { world in
            #expect(await world.mount() == "NoReply")
            await world.settle()
            #expect(world.heard.all.contains("service cut"))
        }
        try Self.run(Self.fault("return", .special("disconnect", 0))) { world in
            #expect(await world.mount() == "NoReply")
            await world.settle()
            #expect(world.heard.all.sorted() == ["call", "error", "service cut"])
        }
        try Self.run(NoFaults()) { world in
            world.bus.cut(world.service.uniqueName)
            world.bus.cut("nobody.here")
            #expect(await world.mount() == "ServiceUnknown")
        }
    }

    @Test func `a restarted bus has forgotten everybody, and takes new connections`() throws {
        try Self.run(NoFaults()) { world in
            world.bus.restart()
            #expect(await world.mount() == "Disconnected")
            await world.settle()
            #expect(world.heard.all.sorted() == ["caller cut", "error", "service cut"])
            let again = try await world.bus.connect(PeerCredentials(userID: 0, processID: 3))
            #expect(again.uniqueName == ":1.0")
            let names = try await again.call(
                .methodCall(
                    destination: WellKnown.bus, path: WellKnown.busPath, interface: WellKnown.bus,
                    member: "ListNames"))
            #expect(names.body == [.array(element: "s", [.string(WellKnown.bus), .string(":1.0")])])
        }
    }

    @Test func `an action that the bus does not know traps and says so`() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try BusFaultTests.run(BusFaultTests.fault("return", .fail(errno: 5))) { _ = await $0.mount() }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains(#"dbus does not carry out "fail" on "return""#))
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `the same seed gives the same run`(seed: UInt64) throws {
        func hash() throws -> UInt64 {
            let faults = InjectorOf { $0.operation == "return" ? [.delay(.milliseconds(3))] : [.duplicate] }
            return try Self.run(seed: seed, faults) { world in
                for _ in 0..<20 { _ = await world.mount() }
                for line in world.heard.all { world.simulation.executor.note(line) }
                return world.simulation.executor.traceHash
            }
        }
        #expect(try hash() == hash())
    }
}
