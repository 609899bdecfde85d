import DBusProtocol
import FaultPoints
import HTTPTypes
import RunLog
import Scenarios
import SimulatedTime
import Synchronization
import Testing
import VirtualMedia
import Worlds

@testable import RedfishServer

/// A front before the real virtual media service on a simulated BMC, all in virtual time.
final class Front: Sendable {
    let simulation: Simulation
    let world: SimulatedWorld
    let service: RedfishService
    let audit = Mutex<[AuditEntry]>([])

    static let admin = "root"
    static let password = "0penBmc-test"

    private init(_ simulation: Simulation, _ world: SimulatedWorld, _ service: RedfishService) {
        self.simulation = simulation
        self.world = world
        self.service = service
    }

    static var topology: Scenario.Topology {
        Scenario.Topology(
            slots: [.init("Slot_0", mode: .proxy), .init("Slot_2"), .init("Slot_3")],
            images: [.init("small.iso", 1 << 20)])
    }

    /// Runs `body` against a front that has read its slots.
    static func run(
        seed: UInt64 = 1, _ topology: Scenario.Topology = Front.topology,
        isOrderDrawn: Bool = false, configure: (inout RedfishConfiguration) -> Void = { _ in },
        accounts: any AccountStore = MemoryAccountStore(), delivery: (any EventDelivery)? = nil,
        settings: any SettingsStore = MemorySettingsStore(),
        _ body: @escaping @Sendable (Front) async throws -> Void
    ) throws {
        var configuration = RedfishConfiguration(
            initialAccounts: [
                .init(admin, password: password), .init("oper", password: password, role: .operator),
                .init("reader", password: password, role: .readOnly),
            ], uuid: "00000000-0000-4000-8000-000000000001")
        configure(&configuration)
        let settled = configuration
        try Simulation(seed: seed, isOrderDrawn: isOrderDrawn).run { simulation in
            let recorder = RunRecorder(
                maximumEvents: 1000, now: { simulation.executor.now })
            let world = try SimulatedWorld(
                Scenario("front", topology: topology), in: simulation, faults: NoFaults(),
                recorder: recorder, saw: { _ in }, imageChanged: { _ in }, serviceDied: {})
            try await world.start()
            let service = try await RedfishService(
                settled,
                on: RedfishPlatform(
                    bus: WorldConnector(world: world), clock: simulation.clock,
                    wallClock: VirtualWallClock(clock: simulation.clock), spawner: simulation.spawner,
                    entropy: SeededEntropy(simulation), passwords: QuickHashing(), accounts: accounts,
                    secrets: WorldPipes(world: world), settings: settings, delivery: delivery))
            let running = simulation.spawner.spawn("front") { await service.run() }
            let front = Front(simulation, world, service)
            try await front.until { await service.slots() != nil }
            try await body(front)
            running.cancel()
            await running.finished()
            await world.shutDown()
        }
    }

    /// Waits, in virtual time, until `condition` holds.
    func until(within limit: Duration = .seconds(300), _ condition: () async throws -> Bool) async throws {
        let deadline = simulation.clock.now + limit
        while try await !condition() {
            try #require(simulation.clock.now < deadline, "still waiting after \(limit)")
            try await simulation.clock.sleep(for: .milliseconds(100))
        }
    }

    // MARK: Requests

    static let basic = "Basic " + base64(Array("\(admin):\(password)".utf8))

    static func basic(_ userName: String, _ password: String = Front.password) -> String {
        "Basic " + base64(Array("\(userName):\(password)".utf8))
    }

    @discardableResult
    func send(
        _ method: String, _ path: String, _ body: String = "", as authorization: String? = Front.basic,
        _ headers: [String: String] = [:], from address: String = "192.0.2.7"
    ) async -> Answer {
        var fields = HTTPFields()
        if let authorization { fields[.authorization] = authorization }
        if !body.isEmpty { fields[.contentType] = "application/json" }
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
            fields[HTTPField.Name(name)!] = value.isEmpty ? nil : value
        }
        let request = HTTPRequest(
            method: .init(rawValue: method)!, scheme: "https", authority: "bmc.example", path: path,
            headerFields: fields)
        return await service.respond(to: request, body: Array(body.utf8), peer: Peer(address: address))
    }

    @discardableResult
    func get(_ path: String, as authorization: String? = Front.basic) async -> Answer {
        await send("GET", path, as: authorization)
    }

    func url(of image: String = "small.iso") async throws -> String {
        let slot = try #require(world.configuration.slots.first { $0.mode == .legacy })
        return try await world.offer(image, to: slot, isReadWrite: false)
    }

    static func slot(_ name: String = "Slot_2") -> String {
        "/redfish/v1/Systems/system/VirtualMedia/\(name)"
    }
    static func insert(_ name: String = "Slot_2") -> String {
        slot(name) + "/Actions/VirtualMedia.InsertMedia"
    }
    static func eject(_ name: String = "Slot_2") -> String { slot(name) + "/Actions/VirtualMedia.EjectMedia" }

    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = Array(bytes[start..<min(start + 3, bytes.count)])
            let number =
                UInt32(group[0]) << 16 | (group.count > 1 ? UInt32(group[1]) << 8 : 0)
                | (group.count > 2 ? UInt32(group[2]) : 0)
            for place in 0..<4 {
                text.append(
                    place <= group.count
                        ? alphabet[Int(number >> UInt32(18 - 6 * place)) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension Answer {
    var status: Int { head.status.code }
    func header(_ name: String) -> String? { head.headerFields[HTTPField.Name(name)!] }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var json: JSONNode? { try? JSONReader.read(bytes) }

    /// "Base.1.22.NoValidSession" of each message of an error.
    var messageIDs: [String] {
        json?["error"]?["@Message.ExtendedInfo"]?.elements.compactMap { $0["MessageId"]?.text } ?? []
    }
}

extension JSONNode {
    subscript(key: String) -> JSONNode? {
        guard case .object(let members) = value else { return nil }
        return members.first { $0.key == key }?.node
    }
    var elements: [JSONNode] { if case .array(let elements) = value { elements } else { [] } }
    var text: String? { if case .string(let text) = value { text } else { nil } }
    var flag: Bool? { if case .boolean(let flag) = value { flag } else { nil } }
    var number: Int? { if case .number(let text) = value { Int(text) } else { nil } }
    var keys: [String] { if case .object(let members) = value { members.map(\.key) } else { [] } }
    /// Paths of the members of a collection.
    var members: [String] { self["Members"]?.elements.compactMap { $0["@odata.id"]?.text } ?? [] }
}

private struct WorldConnector: BusConnector {
    let world: SimulatedWorld
    func connect() async throws(BusError) -> any BusConnection { try await world.connectClient() }
}

private struct VirtualWallClock: WallClock {
    let clock: SimulatedClock
    var secondsSince1970: Int64 { 1_800_000_000 + clock.now.components.seconds }
}

final class SeededEntropy: Entropy {
    private let stream: Mutex<RandomStream>
    init(_ simulation: Simulation) { stream = Mutex(simulation.random.stream("tokens")) }
    func bytes(_ count: Int) -> [UInt8] {
        stream.withLock { stream in (0..<count).map { _ in UInt8.random(in: 0...255, using: &stream) } }
    }
}

/// Quick and not safe at all.
struct QuickHashing: PasswordHashing {
    func hash(_ password: [UInt8]) async -> String { "quick$" + Hexadecimal.text(digest(password)) }
    func matches(_ password: [UInt8], _ hash: String) async -> Bool { await self.hash(password) == hash }
    func digest(_ bytes: [UInt8]) -> [UInt8] {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * $0)) }
    }
}

private struct WorldPipes: SecretPipes {
    let world: SimulatedWorld
    func pipe(holding bytes: [UInt8]) throws(SystemError) -> PassedDescriptor {
        let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        do throws(WorldFailure) { return try world.secretPipe(user: parts[0], password: parts[1]) } catch {
            throw SystemError(5, "pipe")
        }
    }
}
