import NBDProtocol
import WireFormat

/// The kernel's side of one connection: which requests are on it.
final class NBDLink {
    /// A request in flight.
    struct Slot {
        let request: BlockRequest
        let cookie: UInt64
        let deadline: Duration?

        func isDue(at now: Duration) -> Bool { deadline.map { $0 <= now } ?? false }
    }

    let number: Int
    /// `nil` once the link is dead.
    private(set) var wire: (any NBDWire)?
    private(set) var isDead = false
    private var slots: [Slot?]
    private var freeSlots: [Int]
    private var lastGeneration: UInt64 = 0

    init(number: Int, wire: any NBDWire, queueDepth: Int) {
        self.number = number
        self.wire = wire
        slots = Array(repeating: nil, count: queueDepth)
        freeSlots = Array((0..<queueDepth).reversed())
    }

    var hasRoom: Bool { !isDead && !freeSlots.isEmpty }

    /// Puts a request on the wire. Its cookie never comes twice: slot in the low 16 bits, above them
    /// a count.
    func send(_ request: BlockRequest, deadline: Duration?) {
        guard let slot = freeSlots.popLast() else { preconditionFailure("no slot free on link \(number)") }
        lastGeneration += 1
        let cookie = lastGeneration << 16 | UInt64(slot)
        slots[slot] = Slot(request: request, cookie: cookie, deadline: deadline)
        let header = Request(
            flags: request.flags, command: request.command, cookie: cookie, offset: request.offset,
            length: UInt32(request.byteCount))
        let payloadBytes = request.command == .read ? request.byteCount : 0
        wire?.send(header, payload: request.payload, payloadBytes: payloadBytes)
    }

    /// The request that a reply answers; `nil` for a cookie that is not in flight.
    func take(cookie: UInt64) -> BlockRequest? {
        let slot = Int(cookie & 0xFFFF)
        guard slot < slots.count, let found = slots[slot], found.cookie == cookie else { return nil }
        slots[slot] = nil
        freeSlots.append(slot)
        return found.request
    }

    /// Takes what has been in flight for too long, oldest first.
    func takeExpired(at now: Duration) -> [BlockRequest] {
        takeSlots { $0.isDue(at: now) }.map(\.request)
    }

    func takeAll() -> [BlockRequest] { takeAllSlots().map(\.request) }

    /// Everything in flight with its deadlines, oldest first.
    func takeAllSlots() -> [Slot] { takeSlots { _ in true } }

    var earliestDeadline: Duration? { slots.compactMap { $0?.deadline }.min() }

    var isIdle: Bool { freeSlots.count == slots.count }

    /// - Returns: false when it was dead already.
    func die() -> Bool {
        guard !isDead else { return false }
        isDead = true
        wire?.shutDown()
        wire = nil
        return true
    }

    /// Takes leave of the server.
    func disconnect() {
        guard !isDead else { return }
        isDead = true
        wire?.sendDisconnect()
        wire?.finish()
        wire = nil
    }

    private func takeSlots(where isWanted: (Slot) -> Bool) -> [Slot] {
        let found = slots.compactMap { $0 }.filter(isWanted).sorted { $0.cookie >> 16 < $1.cookie >> 16 }
        for slot in found { _ = take(cookie: slot.cookie) }
        return found
    }
}

/// What a link needs of a connection.
protocol NBDWire: AnyObject {
    /// - Parameter payloadBytes: what follows a reply without error.
    func send(_ request: Request, payload: [Bytes], payloadBytes: Int)
    func sendDisconnect()
    /// Sends what is queued, then ends the stream.
    func finish()
    func shutDown()
}

extension NBDTransport: NBDWire {}
