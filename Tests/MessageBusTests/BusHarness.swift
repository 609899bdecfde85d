import DBusProtocol
import FaultPoints
import MessageBus
import Synchronization
import Testing

let rootCredentials = PeerCredentials(userID: 0, processID: 1, groupIDs: [0])

func core(_ limits: BusLimits = BusLimits()) -> BusCore {
    BusCore(
        guid: String(repeating: "b", count: 32), machineID: String(repeating: "c", count: 32), userID: 0,
        processID: 99, limits: limits)
}

/// Connections to a ``BusCore`` with nothing in between: what each is sent is decoded and kept, in
/// order.
final class BusHarness {
    struct Peer {
        let id: ConnectionID
        var decoder = MessageDecoder()
        var received: [Message] = []
        var isClosed = false
        var lastSerial: UInt32 = 0
        var name = ""
    }

    var core: BusCore
    private(set) var peers: [Peer] = []
    private(set) var alarms: [(after: Duration, ticket: UInt64)] = []
    private(set) var holds: [(hold: FaultHold, ticket: UInt64)] = []

    init(_ limits: BusLimits = BusLimits()) { core = MessageBusTests.core(limits) }

    /// - Returns: the place of a new connection that has said Hello.
    func connect(_ credentials: PeerCredentials = rootCredentials, descriptors: Bool = true) throws -> Int {
        let place = connectSilently(credentials, descriptors: descriptors)
        peers[place].name = try #require(try ask(place, "Hello").body.first?.text)
        _ = take(place)
        return place
    }

    func connectSilently(_ credentials: PeerCredentials = rootCredentials, descriptors: Bool = true) -> Int {
        peers.append(Peer(id: core.connect(credentials, canPassDescriptors: descriptors)))
        return peers.count - 1
    }

    /// - Returns: the serial it went under.
    @discardableResult
    func send(_ place: Int, _ message: Message) throws -> UInt32 {
        peers[place].lastSerial += 1
        var numbered = message
        numbered.serial = peers[place].lastSerial
        let packet = try MessageEncoder.encode(numbered)
        try carryOut(core.receive(packet.bytes, descriptors: packet.descriptors, from: peers[place].id))
        return numbered.serial
    }

    func feed(_ place: Int, _ bytes: [UInt8]) throws {
        try carryOut(core.receive(bytes, from: peers[place].id))
    }

    func hangUp(_ place: Int) throws { try carryOut(core.disconnected(peers[place].id)) }

    func expire(_ ticket: UInt64) throws { try carryOut(core.alarm(ticket)) }

    /// Calls the bus; the reply is taken out of what was received.
    func ask(
        _ place: Int, _ member: String, _ body: [Value] = [], interface: String = WellKnown.bus
    ) throws -> Message {
        let serial = try send(
            place,
            .methodCall(
                destination: WellKnown.bus, path: WellKnown.busPath, interface: interface, member: member,
                body: body))
        let index = try #require(peers[place].received.firstIndex { $0.replySerial == serial })
        return peers[place].received.remove(at: index)
    }

    /// What a connection has received since it was last looked at.
    func take(_ place: Int) -> [Message] {
        defer { peers[place].received = [] }
        return peers[place].received
    }

    private func carryOut(_ effects: [BusCore.Effect]) throws {
        for effect in effects {
            switch effect {
            case .send(let id, let packet, _):
                let place = try #require(peers.firstIndex { $0.id == id })
                peers[place].decoder.append(packet.bytes, descriptors: packet.descriptors)
                while let envelope = try peers[place].decoder.next() {
                    peers[place].received.append(try envelope.message())
                }
                core.delivered(packet.bytes.count, to: id)
            case .close(let id):
                let place = try #require(peers.firstIndex { $0.id == id })
                peers[place].isClosed = true
            case .wake(let after, let ticket): alarms.append((after, ticket))
            case .await(let hold, let ticket): holds.append((hold, ticket))
            }
        }
    }
}

/// Signals of the bus as short text: "NameOwnerChanged a.b :1.0 -".
func summary(_ messages: [Message]) -> [String] {
    messages.map { message in
        let texts = message.body.map { $0.text.map { $0.isEmpty ? "-" : $0 } ?? "?" }
        return ([message.member ?? message.errorName ?? "reply"] + texts).joined(separator: " ")
    }
}
